import { setTimeout as sleep } from 'node:timers/promises'

export interface Patience {
  /** Default 15,000. */
  readonly timeoutMs?: number
  /** Default 100. */
  readonly everyMs?: number
}

/** Runs `attempt` until it does not throw, and gives its result. After the time-out: its last error, and the time spent. */
export const eventually = async <T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 15_000, everyMs = 100 }: Patience = {},
): Promise<T> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (cause) {
      if (Date.now() + everyMs < deadline) {
        await sleep(everyMs)
        continue
      }
      const last = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`not within ${timeoutMs} ms; the last time: ${last}`, { cause })
    }
  }
}

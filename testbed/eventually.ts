import { setTimeout as sleep } from 'node:timers/promises'

export interface Patience {
  /** Default 30,000: a loaded machine is slow, and waiting costs nothing where the check passes. */
  readonly timeoutMs?: number
  /** Default 100. */
  readonly everyMs?: number
  /** Aborted: no further attempt is made. */
  readonly signal?: AbortSignal
}

/**
 * Runs `attempt` until it does not throw, and gives its result. After the time-out: its last error, and the time spent.
 * Throws the signal's reason once that is aborted.
 */
export const eventually = async <T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 100, signal }: Patience = {},
): Promise<T> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (cause) {
      if (Date.now() + everyMs < deadline) {
        await sleep(everyMs, undefined, { signal }).catch(() => {}) // the signal is looked at next
        continue
      }
      const last = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`not within ${timeoutMs} ms; the last time: ${last}`, { cause })
    }
  }
}

/** Time as a dependency, so that tests own it. */
export interface Clock {
  /** Wall time in milliseconds since 1970; may jump. */
  now(): number
  /** Milliseconds that never go back; only differences mean anything. */
  monotonic(): number
  /** Calls `run` once after `ms`; the function returned cancels it. */
  setTimeout(run: () => void, ms: number): () => void
}

/** A longer delay makes Node's timers fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (run, ms) => {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_TIMEOUT))
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or at once when the signal aborts (it never rejects: look at the signal afterwards). */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const finish = () => {
      cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = clock.setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, { once: true })
  })

export interface ManualClock extends Clock {
  /** Moves time on, running what falls due in order and letting promises settle after each. */
  advance(ms: number): Promise<void>
  /** Moves time on as a blocked event loop does: no timer runs meanwhile. */
  block(ms: number): void
  /** How many timers wait. */
  pending(): number
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A clock that stands still until told. */
export const createManualClock = (start = Date.UTC(2030, 0, 1)): ManualClock => {
  let elapsed = 0
  let order = 0
  const timers = new Set<Timer>()
  // No sorting: work queues have thousands of timers.
  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) {
      if (timer.at > until) continue
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    }
    return first
  }
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    setTimeout: (run, ms) => {
      order += 1
      const timer = { at: elapsed + Math.max(0, ms), order, run }
      timers.add(timer)
      return () => {
        timers.delete(timer)
      }
    },
    advance: async (ms) => {
      const until = elapsed + ms
      await settle()
      for (let timer = next(until); timer; timer = next(until)) {
        timers.delete(timer)
        elapsed = Math.max(elapsed, timer.at)
        timer.run()
        await settle()
      }
      elapsed = until
    },
    block: (ms) => {
      elapsed += ms
    },
    pending: () => timers.size,
  }
}

/** Time as a dependency, so that tests can control it. */
export interface Clock {
  /** Wall time in milliseconds since 1970; may jump. */
  now(): number
  /** Milliseconds that never go back; only differences mean anything. */
  monotonic(): number
  /** Calls `run` once after `ms`; the function returned cancels it. */
  setTimeout(run: () => void, ms: number): () => void
}

/** Node's timers fire immediately when the delay is longer. */
const LONGEST_TIMEOUT = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (run, ms) => {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_TIMEOUT))
    return () => clearTimeout(timer)
  },
}

/**
 * Wall time that a jump forward does not advance, for what expires and cannot be brought back: too late is better than too
 * early.
 */
export const createCautiousNow = (clock: Pick<Clock, 'now' | 'monotonic'>): (() => number) => {
  const offset = clock.now() - clock.monotonic()
  return () => Math.min(clock.now(), clock.monotonic() + offset)
}

/** Resolves after `ms`, or at once when the signal aborts. Never rejects: check the signal afterwards. */
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
  /** Advances the time, running due timers in order and flushing promises after each. */
  advance(ms: number): Promise<void>
  /** Advances the time without running timers, like a blocked event loop. */
  block(ms: number): void
  /** Sets the wall clock forward, or back; the monotonic clock goes on. */
  jump(ms: number): void
  /** Number of timers that have not fired. */
  pending(): number
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

const flushPromises = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A clock that only moves when a test advances it. */
export const createManualClock = (start = Date.UTC(2030, 0, 1)): ManualClock => {
  let elapsed = 0
  let jumped = 0
  let order = 0
  const timers = new Set<Timer>()
  // A linear scan instead of sorting: work queues have thousands of timers.
  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) {
      if (timer.at > until) continue
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    }
    return first
  }
  return {
    now: () => start + elapsed + jumped,
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
      await flushPromises()
      for (let timer = next(until); timer; timer = next(until)) {
        timers.delete(timer)
        elapsed = Math.max(elapsed, timer.at)
        timer.run()
        await flushPromises()
      }
      elapsed = until
    },
    block: (ms) => {
      elapsed += ms
    },
    jump: (ms) => {
      jumped += ms
    },
    pending: () => timers.size,
  }
}

import { intentOf } from '../kube/errors.ts'
import type { Clock } from './clock.ts'
import { createHeap } from './heap.ts'
import { createTokenBucket } from './token-bucket.ts'

export type RunResult = { readonly requeueAfterMs?: number | undefined } | void

export interface KeyedQueueOptions<K extends string> {
  /** Re-reads the state of the key and does what is to be done. One run a key at a time. */
  readonly run: (key: K, signal: AbortSignal) => Promise<RunResult>
  readonly concurrency: number
  /** Starts of runs per second, evenly spaced; default: no limit. */
  readonly ratePerSecond?: number | undefined
  readonly backoff: Backoff
  /** Told of every failed run; `retryInMs` is undefined when the error is terminal. */
  readonly onError: (
    error: unknown,
    about: { readonly key: K; readonly failures: number; readonly retryInMs?: number },
  ) => void
  readonly clock: Clock
  /** For metrics, in milliseconds: from due to started, and of the run itself. */
  readonly observe?: { readonly waited?: (ms: number) => void; readonly worked?: (ms: number) => void } | undefined
}

export interface QueueMetrics {
  /** Keys that are due and wait for a free place. */
  readonly depth: number
  /** Keys with a later deadline. */
  readonly delayed: number
  readonly inFlight: number
  readonly adds: number
  readonly runs: number
  readonly retries: number
  readonly failures: number
  /** Of the run that has lasted longest, and of all runs under way together. */
  readonly longestRunningMs: number
  readonly unfinishedMs: number
}

export interface KeyedQueue<K extends string> {
  /**
   * Wants a run of the key, now or after a while. The earliest deadline wins; during a run it means another run after
   * it.
   */
  add(key: K, options?: { readonly afterMs?: number }): void
  /** Drops what is pending for the key and its failures; a run under way goes on. */
  forget(key: K): void
  /** Keys that are pending or running. */
  size(): number
  readonly inFlight: number
  metrics(): QueueMetrics
  /** Starts nothing more; resolves when the runs under way have ended. */
  drain(): Promise<void>
  /** As `drain`, but the runs are told through their signal to end. */
  stop(): Promise<void>
}

interface Entry<K> {
  readonly key: K
  /** Monotonic milliseconds of the next run; undefined: none is wanted. */
  dueAt: number | undefined
  startedAt: number | undefined
  failures: number
}

interface Turn<K> {
  readonly entry: Entry<K>
  readonly dueAt: number
  readonly order: number
}

/**
 * A work queue of keys, not of objects: whatever happens to a key many times is one run, which looks at what is true
 * then. Memory is held for pending and failing keys alone.
 */
export const createKeyedQueue = <K extends string>(options: KeyedQueueOptions<K>): KeyedQueue<K> => {
  const { run, concurrency, clock, backoff, onError, observe } = options
  const bucket =
    options.ratePerSecond === undefined ? undefined : createTokenBucket({ perSecond: options.ratePerSecond }, clock)
  const entries = new Map<K, Entry<K>>()
  // An entry whose deadline moved leaves its old turn in the heap; it is known by the differing time and skipped.
  const turns = createHeap<Turn<K>>((a, b) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order))
  const running = new Set<Entry<K>>()
  const abort = new AbortController()
  const counts = { adds: 0, runs: 0, retries: 0, failures: 0 }
  let order = 0
  let accepting = true
  let pumping = false
  let wakeAt = Number.POSITIVE_INFINITY
  let cancelWake: () => void = () => undefined
  const whenIdle: (() => void)[] = []

  const wake = (afterMs: number): void => {
    if (!accepting) return
    if (afterMs <= 0) {
      // After whatever is adding now has added all it has, and without a timer's millisecond.
      if (!pumping) queueMicrotask(pump)
      pumping = true
      return
    }
    const at = clock.monotonic() + afterMs
    if (at >= wakeAt) return
    cancelWake()
    wakeAt = at
    cancelWake = clock.setTimeout(() => {
      wakeAt = Number.POSITIVE_INFINITY
      pump()
    }, afterMs)
  }

  const schedule = (entry: Entry<K>, afterMs: number): void => {
    const dueAt = clock.monotonic() + Math.max(0, afterMs)
    if (entry.dueAt !== undefined && entry.dueAt <= dueAt) return
    entry.dueAt = dueAt
    // A running key takes its turn when the run has ended.
    if (entry.startedAt === undefined) enqueue(entry)
  }

  const enqueue = (entry: Entry<K>): void => {
    if (entry.dueAt === undefined) return
    order += 1
    turns.push({ entry, dueAt: entry.dueAt, order })
    wake(entry.dueAt - clock.monotonic())
  }

  const stale = ({ entry, dueAt }: Turn<K>): boolean => entry.dueAt !== dueAt || entry.startedAt !== undefined

  const pump = (): void => {
    pumping = false
    while (accepting && running.size < concurrency) {
      const turn = turns.peek()
      if (turn === undefined) return
      if (stale(turn)) {
        turns.pop()
        continue
      }
      const waitMs = Math.max(turn.dueAt - clock.monotonic(), 0) || (bucket?.waitMs() ?? 0)
      if (waitMs > 0) return wake(waitMs)
      bucket?.tryTake()
      turns.pop()
      void start(turn.entry, turn.dueAt)
    }
  }

  const start = async (entry: Entry<K>, dueAt: number): Promise<void> => {
    const startedAt = clock.monotonic()
    entry.dueAt = undefined
    entry.startedAt = startedAt
    running.add(entry)
    counts.runs += 1
    observe?.waited?.(startedAt - dueAt)
    try {
      const result = await run(entry.key, abort.signal)
      entry.failures = 0
      if (result?.requeueAfterMs !== undefined) schedule(entry, result.requeueAfterMs)
    } catch (error) {
      fail(entry, error)
    } finally {
      observe?.worked?.(clock.monotonic() - startedAt)
      entry.startedAt = undefined
      running.delete(entry)
      if (entry.dueAt !== undefined) enqueue(entry)
      else if (entries.get(entry.key) === entry) entries.delete(entry.key)
      if (running.size === 0) for (const resolve of whenIdle.splice(0)) resolve()
      pump()
    }
  }

  const fail = (entry: Entry<K>, error: unknown): void => {
    entry.failures += 1
    counts.failures += 1
    const intent = intentOf(error)
    const { key, failures } = entry
    if (intent.kind === 'Terminal') {
      entry.failures = 0
      return onError(error, { key, failures })
    }
    const retryInMs = intent.kind === 'WaitUntil' ? intent.afterMs : backoffMs(backoff, failures)
    counts.retries += 1
    schedule(entry, retryInMs)
    onError(error, { key, failures, retryInMs })
  }

  const drain = (): Promise<void> => {
    accepting = false
    cancelWake()
    turns.clear()
    return running.size === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))
  }

  return {
    add: (key, { afterMs = 0 } = {}) => {
      if (!accepting) return
      counts.adds += 1
      let entry = entries.get(key)
      if (entry === undefined) {
        entry = { key, dueAt: undefined, startedAt: undefined, failures: 0 }
        entries.set(key, entry)
      }
      schedule(entry, afterMs)
    },
    forget: (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return
      entry.dueAt = undefined
      entry.failures = 0
      if (entry.startedAt === undefined) entries.delete(key)
    },
    size: () => entries.size,
    get inFlight() {
      return running.size
    },
    metrics: () => {
      const now = clock.monotonic()
      const waiting = [...entries.values()].filter(
        ({ dueAt, startedAt }) => dueAt !== undefined && startedAt === undefined,
      )
      const depth = waiting.filter(({ dueAt }) => (dueAt ?? 0) <= now).length
      const ages = [...running].map(({ startedAt }) => now - (startedAt ?? now))
      return {
        ...counts,
        depth,
        delayed: waiting.length - depth,
        inFlight: running.size,
        longestRunningMs: Math.max(0, ...ages),
        unfinishedMs: ages.reduce((sum, age) => sum + age, 0),
      }
    },
    drain,
    stop: () => {
      abort.abort()
      return drain()
    },
  }
}

/**
 * Exponential back-off in milliseconds: `baseMs` doubled with each failure up to `maxMs`, then jittered to 50–100 %.
 */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/** Delay after the n-th failure in a row (1 is the first). `random` in [0, 1). */
export const backoffMs = ({ baseMs, maxMs }: Backoff, failures: number, random = Math.random()): number =>
  Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1))) * (0.5 + random / 2)

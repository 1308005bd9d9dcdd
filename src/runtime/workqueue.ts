import PQueue from 'p-queue'
import { type Backoff, backoffMs } from './backoff.ts'
import type { Clock } from './clock.ts'
import { createShares } from './shares.ts'

/**
 * What the queue does after a failed run: nothing, or run again with back-off. `atLeastMs` is
 * what a server asked for: it lengthens the back-off and never shortens it.
 */
export type Intent = { readonly kind: 'Terminal' } | { readonly kind: 'Retry'; readonly atLeastMs?: number }

export type RunResult = { readonly requeueAfterMs?: number | undefined } | void

export interface WorkqueueOptions<K extends string> {
  /** Reads the current state of the key and acts on it. Never runs twice at a time for the same key. */
  readonly run: (key: K) => Promise<RunResult>
  readonly concurrency: number
  /**
   * Whose work a key is, and how many keys of each share may run at the same time; undefined is nobody's and has no limit of
   * its own. Without it, all keys are equal.
   */
  readonly shares?: { readonly of: (key: K) => string | undefined; readonly perShare: number } | undefined
  readonly intentOf: (error: unknown) => Intent
  readonly backoff: Backoff
  /** Called after every failed run; `retryInMs` is undefined when the error is terminal. */
  readonly onError: (
    error: unknown,
    about: { readonly key: K; readonly failures: number; readonly retryInMs?: number },
  ) => void
  readonly clock: Clock
  /** For metrics, in milliseconds: how long a key waited after it was due, and how long its run took. */
  readonly observe?: { readonly waited?: (ms: number) => void; readonly worked?: (ms: number) => void } | undefined
}

export interface WorkqueueMetrics {
  /** Keys that are due and waiting for a free worker. */
  readonly depth: number
  /** Keys with a later deadline. */
  readonly delayed: number
  readonly inFlight: number
  readonly adds: number
  readonly runs: number
  readonly retries: number
  readonly failures: number
  /** Age of the longest current run, and the ages of all current runs together. */
  readonly longestRunningMs: number
  readonly unfinishedMs: number
}

export interface Workqueue<K extends string> {
  /** Requests a run of the key now; during a run, requests another one after it. */
  add(key: K): void
  /** As `add`, and the key comes before all that wait for a worker. */
  addFirst(key: K): void
  /** Requests a run of the key after a delay. The earliest deadline wins. */
  addAfter(key: K, afterMs: number): void
  /** Cancels the pending run of the key and resets its failures; a current run continues. */
  forget(key: K): void
  /** Keys that are pending or running. */
  size(): number
  metrics(): WorkqueueMetrics
  /** Starts no more runs; resolves when the current ones have ended. */
  drain(): Promise<void>
}

interface Entry<K> {
  readonly key: K
  /** Monotonic milliseconds of the next run; undefined when none is requested. */
  dueAt: number | undefined
  startedAt: number | undefined
  /** Its last place among the keys that wait for a worker; earlier places start nothing. */
  place: symbol | undefined
  /** 1 if the next run comes before all that wait. */
  priority: 0 | 1
  failures: number
  /** Cancels the timer of a later deadline. */
  cancel: (() => void) | undefined
}

/**
 * A work queue of keys, not of objects: several events of one key cause one run, which reads the current state. Holds
 * memory only for keys that are pending, running or failing.
 *
 * `p-queue` holds the keys that are due, in the order of their deadlines, and limits concurrency. Without an interval or
 * a timeout it sets no timer and reads no clock, so all deadlines come from `clock`. When it has a free slot, it starts
 * a task within `add`, before that returns.
 */
export const createWorkqueue = <K extends string>(options: WorkqueueOptions<K>): Workqueue<K> => {
  const { run, clock, backoff, onError, observe } = options
  const due = new PQueue({ concurrency: options.concurrency })
  const shares = options.shares && createShares({ perShare: options.shares.perShare })
  const entries = new Map<K, Entry<K>>()
  const counts = { adds: 0, runs: 0, retries: 0, failures: 0 }
  let accepting = true

  const schedule = (entry: Entry<K>, afterMs: number): void => {
    const dueAt = clock.monotonic() + Math.max(0, afterMs)
    if (entry.dueAt !== undefined && entry.dueAt <= dueAt) return
    entry.dueAt = dueAt
    // A running key is queued again when its run has ended.
    if (entry.startedAt === undefined) enqueue(entry)
  }

  const enqueue = (entry: Entry<K>): void => {
    entry.cancel?.()
    entry.cancel = undefined
    if (!accepting || entry.dueAt === undefined) return
    const waitMs = entry.dueAt - clock.monotonic()
    if (waitMs <= 0) return enqueueDue(entry)
    entry.cancel = clock.setTimeout(() => {
      entry.cancel = undefined
      enqueueDue(entry)
    }, waitMs)
  }

  /** In the line of its share first, so that many keys of one share do not stand before those of another. */
  const enqueueDue = (entry: Entry<K>): void => {
    const { priority } = entry
    const place = Symbol(entry.key)
    entry.place = place
    const share = options.shares?.of(entry.key)
    const queued = () => due.add(() => start(entry, place), { priority })
    // `drain` clears the queue, which rejects what waits in it.
    void (shares && share !== undefined ? shares.run(share, queued, { priority }).catch(() => undefined) : queued())
  }

  const start = async (entry: Entry<K>, place: symbol): Promise<void> => {
    // Let the current caller finish adding first, so that all of its additions become one run.
    await Promise.resolve()
    const { dueAt } = entry
    if (!accepting || dueAt === undefined || entry.place !== place) return
    const startedAt = clock.monotonic()
    entry.place = undefined
    entry.priority = 0
    entry.dueAt = undefined
    entry.startedAt = startedAt
    counts.runs += 1
    observe?.waited?.(Math.max(0, startedAt - dueAt))
    try {
      const result = await run(entry.key)
      entry.failures = 0
      if (result?.requeueAfterMs !== undefined) schedule(entry, result.requeueAfterMs)
    } catch (error) {
      fail(entry, error)
    } finally {
      observe?.worked?.(clock.monotonic() - startedAt)
      entry.startedAt = undefined
      if (entry.dueAt === undefined) entries.delete(entry.key)
      else enqueue(entry)
    }
  }

  const fail = (entry: Entry<K>, error: unknown): void => {
    entry.failures += 1
    counts.failures += 1
    const intent = options.intentOf(error)
    const { key, failures } = entry
    if (intent.kind === 'Terminal') {
      entry.failures = 0
      return onError(error, { key, failures })
    }
    const retryInMs = Math.max(intent.atLeastMs ?? 0, backoffMs(backoff, failures))
    counts.retries += 1
    schedule(entry, retryInMs)
    onError(error, { key, failures, retryInMs })
  }

  const addAfter = (key: K, afterMs: number, priority: 0 | 1 = 0): Entry<K> | undefined => {
    if (!accepting) return undefined
    counts.adds += 1
    let entry = entries.get(key)
    if (entry === undefined) {
      entry = {
        key,
        dueAt: undefined,
        startedAt: undefined,
        place: undefined,
        priority,
        failures: 0,
        cancel: undefined,
      }
      entries.set(key, entry)
    }
    if (priority > entry.priority) entry.priority = priority
    schedule(entry, afterMs)
    return entry
  }

  return {
    add: (key) => void addAfter(key, 0),
    addFirst: (key) => {
      const entry = addAfter(key, 0, 1)
      if (entry !== undefined && entry.startedAt === undefined) enqueueDue(entry)
    },
    addAfter: (key, afterMs) => void addAfter(key, afterMs),
    forget: (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return
      entry.cancel?.()
      entry.cancel = undefined
      // If p-queue already has the key, `start` then returns without a run.
      entry.dueAt = undefined
      entry.failures = 0
      if (entry.startedAt === undefined) entries.delete(key)
    },
    size: () => entries.size,
    metrics: () => {
      const now = clock.monotonic()
      const all = [...entries.values()]
      const waiting = all.filter(({ dueAt, startedAt }) => dueAt !== undefined && startedAt === undefined)
      const depth = waiting.filter(({ dueAt }) => (dueAt ?? 0) <= now).length
      const ages = all.flatMap(({ startedAt }) => (startedAt === undefined ? [] : [now - startedAt]))
      return {
        ...counts,
        depth,
        delayed: waiting.length - depth,
        inFlight: ages.length,
        longestRunningMs: Math.max(0, ...ages),
        unfinishedMs: ages.reduce((sum, age) => sum + age, 0),
      }
    },
    drain: () => {
      accepting = false
      for (const entry of entries.values()) entry.cancel?.()
      due.clear()
      return due.onIdle()
    },
  }
}

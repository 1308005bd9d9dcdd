/** Limits concurrent attempts and the rate of actions. */
import PQueue from 'p-queue'
import { type Clock, sleep } from '../runtime/clock.ts'
import { isNodeCause } from '../model/causes.ts'
import type { Attempt } from '../model/decision-input.ts'
import { partsOfKey } from '../model/incident.ts'

/**
 * Attempts that were decided on but are not on a record yet. Incidents are reconciled concurrently: without
 * reservations, all of them would see the same unused budget while their intents are being written.
 */
export interface Reservations {
  /** Counts an attempt for all other incidents until `release`. */
  readonly take: (key: string, attempt: Attempt) => void
  readonly release: (key: string) => void
  readonly without: (key: string) => readonly Attempt[]
  /** uids of nodes with a reserved attempt. */
  readonly nodesWithout: (key: string) => readonly string[]
}

export const createReservations = (): Reservations => {
  const taken = new Map<string, Attempt>()
  return {
    take: (key, attempt) => void taken.set(key, attempt),
    release: (key) => void taken.delete(key),
    nodesWithout: (key) =>
      [...taken.keys()].flatMap((other) => {
        const { ownerUid, area } = partsOfKey(other)
        return other !== key && isNodeCause(area) ? [ownerUid] : []
      }),
    without: (key) => [...taken].flatMap(([other, attempt]) => (other === key ? [] : [attempt])),
  }
}

/** Spreads actions over time: limits their number per second, however many incidents are ready at once. */
export interface RateLimiter {
  /**
   * Whether this key may act now, which uses up its slot. Otherwise queues it and calls `onTurn` when it should ask
   * again: the decision is then made again, and no worker waits in the meantime.
   */
  readonly mayAct: (key: string) => boolean
  /** Stops granting slots. */
  readonly stop: () => void
}

export interface RateLimiterOptions {
  readonly perSecond: number
  readonly clock: Clock
  readonly onTurn: (key: string) => void
}

/** How long a slot is kept for a key that does not use it; after that it must queue again. */
const GRACE_MS = 5_000

/**
 * A p-queue with concurrency 1, in which each slot runs until the next may begin. Does not use its `intervalCap`, which
 * reads `Date.now()`, so that a clock set back by an hour would stop all actions for an hour, and which measures from
 * when a timer fired, so that at 100 per second the delays of the timers add up.
 */
export const createRateLimiter = ({ perSecond, clock, onTurn }: RateLimiterOptions): RateLimiter => {
  const gapMs = 1_000 / perSecond
  const line = new PQueue({ concurrency: 1 })
  const over = new AbortController()
  const waiting = new Set<string>()
  /** When each unused slot was granted, monotonic. */
  const turns = new Map<string, number>()
  let nextAt = 0

  const dropLate = (): void => {
    for (const [key, at] of turns) {
      if (clock.monotonic() - at <= GRACE_MS) return
      turns.delete(key)
    }
  }

  const takeTurn = async (key: string, stoodInLine: boolean): Promise<void> => {
    const now = clock.monotonic()
    waiting.delete(key)
    turns.set(key, now)
    // Compensates for late timers, but idle time does not allow a burst.
    nextAt = (stoodInLine ? Math.max(nextAt, now - gapMs) : now) + gapMs
    if (stoodInLine) onTurn(key)
    await sleep(clock, Math.max(0, nextAt - now), over.signal)
  }

  return {
    mayAct: (key) => {
      dropLate()
      if (!turns.has(key) && !waiting.has(key)) {
        let stoodInLine = false
        waiting.add(key)
        // If the last slot is over, p-queue starts the task within `add`.
        void line.add(() => takeTurn(key, stoodInLine))
        stoodInLine = true
      }
      return turns.delete(key)
    },
    stop: () => {
      line.pause()
      line.clear()
      over.abort()
    },
  }
}

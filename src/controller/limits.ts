/** How much may be done at once, and how fast: reserved attempts, and the rate of actions. */
import PQueue from 'p-queue'
import { type Clock, sleep } from '../runtime/clock.ts'
import { isNodeCause } from '../model/causes.ts'
import type { Attempt } from '../model/decision-input.ts'
import { partsOfKey } from '../model/incident.ts'

/**
 * Attempts that were decided on but are not on a record yet. Several incidents are worked on at once: without
 * these, all of them would see the same budget unspent while their intents are on the way to the server.
 */
export interface Reservations {
  /** Counts an attempt for everyone else until `release`. */
  readonly take: (key: string, attempt: Attempt) => void
  readonly release: (key: string) => void
  readonly without: (key: string) => readonly Attempt[]
  /** uids of nodes on which something was decided to be done. */
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

/** Spreads actions over time: at most so many a second, however many incidents are ready at once. */
export interface RateLimiter {
  /**
   * Whether this key may act now, which uses its turn up. Else it waits in line, and `onTurn` tells when it is to ask
   * again: what it decided on is then decided again, and no worker is kept waiting meanwhile.
   */
  readonly mayAct: (key: string) => boolean
  /** No turn comes any more. */
  readonly stop: () => void
}

export interface RateLimiterOptions {
  readonly perSecond: number
  readonly clock: Clock
  readonly onTurn: (key: string) => void
}

/** How long a turn is kept for a key that is late; after that it takes a new one. */
const GRACE_MS = 5_000

/**
 * The line is a p-queue with one place, which each turn occupies until the next may come. Its own `intervalCap` is not
 * used: it goes by `Date.now()`, so that a clock set back by an hour would stop all actions for an hour, and it
 * measures from when a timer fired, so that at 100 a second each timer's lateness adds up.
 */
export const createRateLimiter = ({ perSecond, clock, onTurn }: RateLimiterOptions): RateLimiter => {
  const gapMs = 1_000 / perSecond
  const line = new PQueue({ concurrency: 1 })
  const over = new AbortController()
  const waiting = new Set<string>()
  /** When each turn came that is not used yet, monotonic. */
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
    // A timer's lateness is made good, but time in which nobody waited makes no room for a burst.
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
        // Where nobody had a turn just now, p-queue starts the task within `add`.
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

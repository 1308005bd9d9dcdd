import { isNodeCause } from '../model/causes.ts'
import type { Attempt } from '../model/decision-input.ts'
import { partsOfKey } from '../model/incident.ts'

/**
 * Attempts that were decided on but do not stand on a record yet. Several incidents are worked on at once: without
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

/** Spreads actions over time: at most `perSecond`, however many incidents are ready at once. */
export interface Pace {
  /**
   * 0 where this key may act now; else the ms until the slot that was reserved for it. A key that comes back
   * at its slot finds it free; one that never comes back loses its slot and nobody waits for it twice.
   */
  readonly ask: (key: string, now: number) => number
}

/** How long a reserved slot is kept for a key that is late. */
const GRACE_MS = 5_000

/** See Pace. Memory is one entry for each waiting key. */
export const createPace = (perSecond: number): Pace => {
  const gap = 1_000 / perSecond
  const slots = new Map<string, number>()
  let next = 0
  return {
    ask: (key, now) => {
      const mine = slots.get(key)
      if (mine !== undefined && now >= mine) {
        slots.delete(key)
        if (now - mine <= GRACE_MS) return 0
      } else if (mine !== undefined) return mine - now
      if (next <= now) {
        next = now + gap
        return 0
      }
      const slot = next
      next += gap
      slots.set(key, slot)
      return slot - now
    },
  }
}

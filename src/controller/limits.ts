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

import { type LeaseLike, NODE_LEASE_HOLDER, type NodeLease } from '../model/node-lease.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'

/** The leases of nodes that remediators share. */
export interface NodeLeases {
  readonly namespace: string
  /** Who holds the lease of a node, as it was just read; undefined if it is free. */
  readonly holderOf: (node: string, lease: LeaseLike) => NodeLease | undefined
}

interface Observed {
  readonly spec: string
  /** Monotonic ms. */
  readonly at: number
}

/** Beyond it the lease that was read longest ago counts as new. */
const MAX_LEASES = 10_000

/**
 * Judges the leases of others by renewals that this process sees, as leader election does: times in a lease are those of
 * another machine's clock. A lease is free once it has not changed for its own duration; one that was never read before
 * is held for that long.
 */
export const createNodeLeases = (namespace: string, clock: Pick<Clock, 'now' | 'monotonic'>): NodeLeases => {
  const observed = new Map<string, Observed>()
  return {
    namespace,
    holderOf: (node, { spec = {} }) => {
      const { holderIdentity: holder, leaseDurationSeconds: seconds = 0 } = spec
      if (!holder || holder === NODE_LEASE_HOLDER) return undefined
      const now = clock.monotonic()
      const text = JSON.stringify(spec)
      const before = observed.get(node)
      const seen = before?.spec === text ? before : { spec: text, at: now }
      setBounded(observed, node, seen, MAX_LEASES)
      const leftMs = seen.at + seconds * 1_000 - now
      return leftMs > 0 ? { holder, until: clock.now() + leftMs } : undefined
    },
  }
}

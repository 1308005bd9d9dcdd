import { parseTime } from './duration.ts'
/**
 * The lease that reserves a node for one remediator: `node-NAME` in a shared namespace, compatible with medik8s
 * (github.com/medik8s/common, pkg/lease).
 */

/** The holder identity. Replicas share it, so that one can resume where another stopped. */
export const NODE_LEASE_HOLDER = 'podmend'

export const nodeLeaseName = (node: string): string => `node-${node}`

/** Who works on a node, and until when, ms since the epoch. */
export interface NodeLease {
  readonly holder: string
  readonly until: number
}

interface LeaseLike {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
  }
}

/** Undefined if it is not held. A lease without a duration counts as expired, as in medik8s. */
export const nodeLeaseOf = ({ spec = {} }: LeaseLike): NodeLease | undefined => {
  const { holderIdentity: holder, leaseDurationSeconds: seconds = 0 } = spec
  const since = parseTime(spec.renewTime ?? spec.acquireTime)
  return holder && since !== undefined ? { holder, until: since + seconds * 1_000 } : undefined
}

/** Whether another remediator works on the node. */
export const heldByAnother = (lease: NodeLease | undefined, now: number): lease is NodeLease =>
  lease !== undefined && lease.holder !== NODE_LEASE_HOLDER && lease.until > now

import { parseTime } from './duration.ts'
/**
 * The lease by which remediators agree on who works on a node: `node-NAME` in a namespace of theirs, as medik8s has it
 * (github.com/medik8s/common, pkg/lease).
 */

/** In whose name it is held. Replicas share it: one goes on where another stopped. */
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

/** Undefined where it is not held. One that does not say how long it lasts is over, as its other users have it. */
export const nodeLeaseOf = ({ spec = {} }: LeaseLike): NodeLease | undefined => {
  const { holderIdentity: holder, leaseDurationSeconds: seconds = 0 } = spec
  const since = parseTime(spec.renewTime ?? spec.acquireTime)
  return holder && since !== undefined ? { holder, until: since + seconds * 1_000 } : undefined
}

/** Whether another remediator works on the node. */
export const heldByAnother = (lease: NodeLease | undefined, now: number): lease is NodeLease =>
  lease !== undefined && lease.holder !== NODE_LEASE_HOLDER && lease.until > now

/**
 * The lease that reserves a node for one remediator: `node-NAME` in a shared namespace, compatible with medik8s
 * (github.com/medik8s/common, pkg/lease).
 */

/** The holder identity. Replicas share it, so that one can resume where another stopped. */
export const NODE_LEASE_HOLDER = 'podmend'

export const nodeLeaseName = (node: string): string => `node-${node}`

/** Who works on a node, and until when if it does not renew its lease, ms since the epoch by our own clock. */
export interface NodeLease {
  readonly holder: string
  readonly until: number
}

export interface LeaseLike {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
  }
}

/** Whether another remediator works on the node. */
export const heldByAnother = (lease: NodeLease | undefined, now: number): lease is NodeLease =>
  lease !== undefined && lease.holder !== NODE_LEASE_HOLDER && lease.until > now

import type { KubeObject, ObjectMeta } from '../api/kubernetes.ts'

/** coordination.k8s.io/v1. */
export interface Lease extends Omit<KubeObject, 'metadata'> {
  readonly metadata: Partial<ObjectMeta>
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/** The API server parses exactly six digits of a second. */
const microTime = (now: number): string => new Date(now).toISOString().replace('Z', '000Z')

interface Claim {
  readonly current: Lease | undefined
  readonly namespace: string
  readonly name: string
  readonly identity: string
  readonly leaseDurationMs: number
  readonly now: number
}

/** The lease in our name; a renewal keeps the time of acquisition, a change of hands is counted. */
export const leaseWith = ({ current, namespace, name, identity, leaseDurationMs, now }: Claim): Lease => {
  const { spec } = current ?? {}
  const renewal = spec?.holderIdentity === identity
  return {
    ...current,
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...current?.metadata, namespace, name },
    spec: {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1_000),
      acquireTime: (renewal ? spec.acquireTime : undefined) ?? microTime(now),
      renewTime: microTime(now),
      leaseTransitions: current === undefined ? 0 : (spec?.leaseTransitions ?? 0) + (renewal ? 0 : 1),
    },
  }
}

/** The lease in nobody's name: whoever looks next may take it. */
export const releasedLease = (current: Lease, now: number): Lease => ({
  ...current,
  spec: {
    ...current.spec,
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: microTime(now),
    renewTime: microTime(now),
  },
})

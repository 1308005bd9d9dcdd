import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'
import { alreadyExists, conflict, notFound, Retry } from './errors.ts'
import { pathOf } from './paths.ts'
import type { RbacGrant } from '../model/rbac.ts'

/**
 * What leader election needs, in the operator's own namespace: a lease cannot be named before it is created.
 * @public Collected by `npm run generate`.
 */
export const RBAC: readonly RbacGrant[] = [
  {
    action: 'lead',
    namespaced: true,
    rules: [
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        verbs: ['create'],
        why: 'to take part in leader election',
      },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['podmend'],
        verbs: ['get', 'update'],
        why: 'to hold the lease: only one replica acts',
      },
    ],
  },
]

export interface LeaderOptions {
  /** Without a fence: the lease is what the fence asks. */
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>
  readonly lease: {
    readonly namespace: string
    readonly name: string
    /** Unique to the process. */
    readonly identity: string
  }
  readonly timing?: {
    /** How long others wait before they take over. Default 15 s, as in client-go. */
    readonly leaseDurationMs?: number
    /** Without a successful renewal for so long, leadership is given up. Default 10 s. */
    readonly renewDeadlineMs?: number
    /** Between attempts. Default 2 s. */
    readonly retryPeriodMs?: number
  }
  readonly clock: Clock
  readonly onElected?: () => void
  /**
   * Led and no longer does: somebody else holds the lease, or it could not be renewed in time. Not called by `stop`.
   */
  readonly onLost: (why: string) => void
  readonly onError?: (error: unknown) => void
}

export interface Leader {
  start(): void
  /** Gives the lease back, so that the next one need not wait for its end. */
  stop(): Promise<void>
  /** False as soon as the lease may have run out, even when the event loop was blocked meanwhile. */
  isLeader(): boolean
  /** The fence before a write. Throws `Retry` when this process does not lead. */
  assertLeader(): void
  /** Who held the lease when last seen; empty when nobody did. */
  holder(): string | undefined
}

/** Our claim ends so long before others may take over: for clocks that run unevenly and writes under way. */
const MARGIN_MS = 2_000

/** Leader election on a Lease, in the way of client-go and beside it: both can stand for the same lease. */
export const createLeader = (options: LeaderOptions): Leader => {
  const { client, clock, onError } = options
  const { namespace, name, identity } = options.lease
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options.timing ?? {}
  const collection = pathOf({ kind: 'Lease', namespace })
  const path = pathOf({ kind: 'Lease', namespace, name })
  const stopped = new AbortController()
  let observed: Lease | undefined
  /** By the local clock: times in the lease are other people's clocks. */
  let observedAt = 0
  /** When the request that last succeeded was sent; others count from later on. */
  let renewedAt: { readonly monotonic: number; readonly wall: number } | undefined
  let loop: Promise<void> | undefined

  /** The wall clock as well, because the monotonic one stands still while a machine sleeps. */
  const sinceRenewal = (): number =>
    renewedAt === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(clock.monotonic() - renewedAt.monotonic, clock.now() - renewedAt.wall)

  const isLeader = (): boolean => sinceRenewal() < leaseDurationMs - MARGIN_MS

  const observe = (lease: Lease): void => {
    if (lease.metadata.resourceVersion !== observed?.metadata.resourceVersion) observedAt = clock.monotonic()
    observed = lease
  }

  const lose = (why: string): void => {
    if (renewedAt === undefined) return
    renewedAt = undefined
    options.onLost(why)
  }

  /** Writes our name, guarded by the version that was read. */
  const claim = async (current: Lease | undefined): Promise<void> => {
    const sentAt = { monotonic: clock.monotonic(), wall: clock.now() }
    const wanted = leaseWith({ current, namespace, name, identity, leaseDurationMs, now: sentAt.wall })
    const written = await (current === undefined
      ? client.create<Lease>(collection, wanted)
      : client.replace<Lease>(path, wanted))
    observe(written)
    // An answer may come late: what was won then may be over by now.
    const late = clock.monotonic() - sentAt.monotonic >= leaseDurationMs - MARGIN_MS
    if (stopped.signal.aborted || late || sentAt.monotonic < (renewedAt?.monotonic ?? 0)) return
    const elected = renewedAt === undefined
    renewedAt = sentAt
    if (elected) options.onElected?.()
  }

  const attempt = async (): Promise<void> => {
    if (renewedAt !== undefined && observed !== undefined) {
      try {
        return await claim(observed)
      } catch (error) {
        if (!conflict(error) && !notFound(error)) throw error
      }
    }
    const current = await client.get<Lease>(path).catch((error: unknown) => {
      if (notFound(error)) return undefined
      throw error
    })
    if (current === undefined) return claim(undefined)
    observe(current)
    const { holderIdentity = '', leaseDurationSeconds = leaseDurationMs / 1_000 } = current.spec ?? {}
    const runsOutAt = observedAt + leaseDurationSeconds * 1_000
    if (holderIdentity === '' || holderIdentity === identity || clock.monotonic() >= runsOutAt) return claim(current)
    lose(`${holderIdentity} holds the lease ${namespace}/${name}`)
  }

  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      // An attempt that hangs must keep neither the next one nor the admission of defeat from coming in time.
      const leftMs = renewedAt === undefined ? renewDeadlineMs : renewDeadlineMs - sinceRenewal()
      const patience = sleep(clock, Math.min(leftMs, renewDeadlineMs / 2), stopped.signal)
      const outcome = attempt().catch((error: unknown) => {
        // Somebody else was quicker: that is what the version is for.
        if (!conflict(error) && !alreadyExists(error)) onError?.(error)
      })
      await Promise.race([outcome, patience])
      if (sinceRenewal() >= renewDeadlineMs) lose(`the lease ${namespace}/${name} was not renewed in time`)
      await sleep(clock, retryPeriodMs * (1 + Math.random() * 0.2), stopped.signal)
    }
  }

  return {
    start: () => {
      loop ??= run()
    },
    stop: async () => {
      stopped.abort()
      await loop
      const held = isLeader() && observed?.spec?.holderIdentity === identity
      renewedAt = undefined
      if (held && observed) {
        await client.replace(path, releasedLease(observed, clock.now())).catch((error: unknown) => onError?.(error))
      }
    },
    isLeader,
    assertLeader: () => {
      if (!isLeader())
        throw new Retry(`not the leader: ${identity} does not hold the lease ${namespace}/${name} for certain`)
    },
    holder: () => observed?.spec?.holderIdentity,
  }
}

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

import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'
import type { RbacGrant } from '../model/rbac.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'
import { alreadyExists, conflict, notFound, Retry } from './errors.ts'
import { pathOf } from './paths.ts'

/**
 * Needed in the operator's namespace. `create` cannot be restricted to a name.
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
  /** Without `beforeWrite`: the fence itself depends on the lease. */
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>
  readonly lease: {
    readonly namespace: string
    readonly name: string
    /** Unique to the process. */
    readonly identity: string
  }
  readonly timing?: {
    /** How long other candidates wait before they take over. Default 15 s, as in client-go. */
    readonly leaseDurationMs?: number
    /** Leadership is given up after this time without a successful renewal. Default 10 s. */
    readonly renewDeadlineMs?: number
    /** Between attempts. Default 2 s. */
    readonly retryPeriodMs?: number
  }
  readonly clock: Clock
  readonly onElected?: () => void
  /** Leadership ended: another process holds the lease, or it could not be renewed in time. Not called by `stop`. */
  readonly onLost: (why: string) => void
  readonly onError?: (error: unknown) => void
}

export interface Leader {
  start(): void
  /** Releases the lease, so that the next leader need not wait until it expires. */
  stop(): Promise<void>
  /** False as soon as the lease may have expired, even when the event loop was blocked. */
  isLeader(): boolean
  /** The fence before a write. Throws `Retry` when this process does not lead. */
  assertLeader(): void
  /** Last observed holder of the lease; empty when there was none. */
  holder(): string | undefined
}

/** Our claim ends this long before others may take over: allows for clock drift and writes in progress. */
const MARGIN_MS = 2_000

/** Leader election on a Lease, compatible with client-go's: both can compete for the same lease. */
export const createLeader = (options: LeaderOptions): Leader => {
  const { client, clock, onError } = options
  const { namespace, name, identity } = options.lease
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options.timing ?? {}
  const collection = pathOf({ kind: 'Lease', namespace })
  const path = pathOf({ kind: 'Lease', namespace, name })
  const stopped = new AbortController()
  let observed: Lease | undefined
  /** By the local clock: times in the lease are those of other machines' clocks. */
  let observedAt = 0
  /** When the last successful request was sent; other candidates count from a later time. */
  let renewedAt: { readonly monotonic: number; readonly wall: number } | undefined
  let loop: Promise<void> | undefined

  /** Uses the wall clock as well, because the monotonic one stops while the machine sleeps. */
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

  /** Writes our name if the lease has not changed since it was read. */
  const claim = async (current: Lease | undefined): Promise<void> => {
    const sentAt = { monotonic: clock.monotonic(), wall: clock.now() }
    const wanted = leaseWith({ current, namespace, name, identity, leaseDurationMs, now: sentAt.wall })
    const written = await (current === undefined
      ? client.create<Lease>(collection, wanted)
      : client.replace<Lease>(path, wanted))
    observe(written)
    // A late response may arrive after the lease that it granted has expired.
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
      // A hanging attempt must delay neither the next attempt nor giving up leadership.
      const leftMs = renewedAt === undefined ? renewDeadlineMs : renewDeadlineMs - sinceRenewal()
      const patience = sleep(clock, Math.min(leftMs, renewDeadlineMs / 2), stopped.signal)
      const outcome = attempt().catch((error: unknown) => {
        // Another candidate was faster; the resourceVersion prevented the write.
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

/** The lease with us as its holder. A renewal keeps `acquireTime`; a change of holder increments `leaseTransitions`. */
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

/** The lease without a holder: any candidate may take it at once. */
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

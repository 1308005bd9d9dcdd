import { conflict, kubeErrorOf, notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import type { Pod } from '../model/kubernetes.ts'
import { isBlocked } from '../model/pod.ts'
import type { Outcome, PodLeft, PodToDelete, Write } from '../model/plan.ts'
import { sleep } from '../runtime/clock.ts'
import { excludes } from '../model/safety-switches.ts'
import { type ActApi, type ActDeps, refusalOf, staleIfStopped } from './writes.ts'

type DeleteDeps = Pick<ActDeps, 'kube' | 'clock' | 'isStillPlanned'>

export type PodFate =
  | { readonly kind: 'Deleted' }
  /** It is gone, terminating, or another pod has its name: as intended. */
  | { readonly kind: 'Gone' }
  | Extract<Outcome, { kind: 'Stale' | 'Refused' }>

/**
 * A kubelet alternates between ErrImagePull and ImagePullBackOff: the same failure with a new resourceVersion. Changes
 * come in bursts, and on a busy API server one may fall between each read and its delete: pauses before further reads
 * grow from `PAUSE_MS` to `LONGEST_PAUSE_MS`, about 4 s in all.
 */
const MAX_ROUNDS = 9
const PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
/** If a disruption budget gives no retry time. */
const EVICTION_RETRY_MS = 10_000

const send = (kube: ActApi, pod: PodToDelete, method: 'Delete' | 'Evict', dryRun: boolean): Promise<unknown> => {
  const { namespace, name, uid, resourceVersion } = pod
  const options = { preconditions: { uid, resourceVersion }, ...(dryRun && { dryRun: ['All' as const] }) }
  if (method === 'Delete') return kube.remove(pathOf({ kind: 'Pod', namespace, name }), options)
  return kube.create(pathOf({ kind: 'Pod', namespace, name, subresource: 'eviction' }), {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: options,
  })
}

/**
 * Deletes (or evicts) one pod if it is still the same pod in the evaluated state; repeating the same failure does not
 * count as a change. `dryRun` only checks whether it would be allowed. Throws if the outcome is unknown.
 */
export const deletePod = async (
  deps: DeleteDeps,
  pod: PodToDelete,
  { method = 'Delete', dryRun = false }: { method?: 'Delete' | 'Evict'; dryRun?: boolean } = {},
): Promise<PodFate> => {
  const { kube, clock } = deps
  let { resourceVersion } = pod
  for (let round = 1; ; round += 1) {
    const stopped = dryRun ? undefined : await staleIfStopped(`deleting pod ${pod.name}`, deps)
    if (stopped) return stopped
    try {
      await send(kube, { ...pod, resourceVersion }, method, dryRun)
      return { kind: 'Deleted' }
    } catch (error) {
      if (notFound(error)) return { kind: 'Gone' }
      if (kubeErrorOf(error)?.status === 429 && method === 'Evict') {
        const retryAfterMs = kubeErrorOf(error)?.retryAfterMs ?? EVICTION_RETRY_MS
        return {
          kind: 'Stale',
          why: `pod ${pod.name} cannot be evicted now because of its disruption budget`,
          retryAfterMs,
        }
      }
      const refused = refusalOf(error)
      if (refused) return refused
      if (!conflict(error)) throw error
    }
    if (round > 1) await sleep(clock, Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (round - 2)))
    const current = await kube
      .get<Pod>(pathOf({ kind: 'Pod', namespace: pod.namespace, name: pod.name }))
      .catch((error: unknown) => {
        if (notFound(error)) return undefined
        throw error
      })
    if (!current || current.metadata.uid !== pod.uid || current.metadata.deletionTimestamp) return { kind: 'Gone' }
    if (excludes(current.metadata)) return { kind: 'Stale', why: `pod ${pod.name} was excluded in the meantime` }
    if (!isBlocked(current)) return { kind: 'Stale', why: `pod ${pod.name} changed since it was read` }
    if (round === MAX_ROUNDS) return { kind: 'Stale', why: `pod ${pod.name} keeps changing` }
    resourceVersion = current.metadata.resourceVersion
  }
}

export interface PodsDeleted {
  readonly wrote: readonly Write[]
  readonly left: readonly PodLeft[]
  /** The first result that is neither Deleted nor Gone. */
  readonly obstacle?: Extract<PodFate, { kind: 'Stale' | 'Refused' }>
}

/** Deletes pods one after the other; continues after one that may not be deleted. */
export const deletePods = async (
  deps: DeleteDeps,
  pods: readonly PodToDelete[],
  method: 'Delete' | 'Evict',
): Promise<PodsDeleted> => {
  const wrote: Write[] = []
  const left: PodLeft[] = []
  let obstacle: PodsDeleted['obstacle']
  for (const pod of pods) {
    const { namespace, name, uid } = pod
    const fate = await deletePod(deps, pod, { method })
    switch (fate.kind) {
      case 'Deleted':
        wrote.push({ verb: method === 'Delete' ? 'deleted' : 'evicted', ref: { kind: 'Pod', namespace, name, uid } })
        break
      case 'Gone':
        break
      case 'Stale':
      case 'Refused':
        obstacle ??= fate
        left.push({ name, uid, why: fate.why })
    }
  }
  return { wrote, left, ...(obstacle !== undefined && { obstacle }) }
}

import { parseDuration } from '../api/duration.ts'
import type { Case } from './case.ts'
import type { Governed } from './match.ts'
import { diffOf, hashOf } from './plan-text.ts'
import type { Planned, Turn } from './plan.ts'
import { nameOfOwner } from './template.ts'
import type { PodToDelete, RecyclePodPlan } from './verdict.ts'

/** As many as one record can name. */
const MAX_PODS = 512

/** Deletes or evicts the failing pods, each only if it is still this very pod, and only where somebody makes them anew. */
export const planRecyclePod = (
  { incident: { owner } }: Case,
  { policy, matched }: Governed,
  { action, index }: Turn,
): Planned => {
  if (!owner.recreatesPods) {
    const message = owner.mendsPods
      ? `a pod of ${nameOfOwner(owner)} that is deleted counts as a failure of its Job, and may be the end of it`
      : `nothing recreates the pods of ${nameOfOwner(owner)}: deleting one would be the end of it`
    return { reason: 'RolloutBlocked', message, tryNext: true }
  }
  const byUid = new Map(
    matched
      .map(({ failing }) => failing.pod.metadata)
      .filter(({ deletionTimestamp }) => deletionTimestamp === undefined)
      .map(
        ({ namespace = '', name, uid, resourceVersion }) => [uid, { namespace, name, uid, resourceVersion }] as const,
      ),
  )
  const pods: readonly PodToDelete[] = [...byUid.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MAX_PODS)
  if (pods.length === 0) {
    return { reason: 'AlreadyRecovered', message: 'every failing pod is being deleted already', tryNext: false }
  }
  const plan: RecyclePodPlan = {
    type: 'RecyclePod',
    index,
    timeoutMs: parseDuration(action.timeout),
    target: owner.ref,
    method: action.recyclePod?.method ?? 'Delete',
    pods,
    diff: diffOf(owner.ref, [], pods),
    hash: hashOf({ generation: policy.generation, type: 'RecyclePod', target: owner.ref, changes: [], pods }),
  }
  return { plan }
}

import {
  type ApplicablePolicy,
  type DecisionInput,
  type Matched,
  nodeCauseOf,
  type PolicyInForce,
} from '../../model/decision-input.ts'
import { parseDuration } from '../../model/duration.ts'
import type { ObjectRef, Pod } from '../../model/kubernetes.ts'
import { isBlocked, isNodeItself } from '../../model/pod.ts'
import type { Plan, PodToDelete } from '../../model/plan.ts'
import { nameOfOwner } from '../pod-template.ts'
import { type ActionStep, noPlan, notApplicable, type Planned } from '../remedy.ts'
import { diffOf, hashOf, leaveOut, sayPods } from '../text.ts'

export interface RecyclePodPlan extends Plan {
  readonly type: 'RecyclePod'
  readonly method: 'Delete' | 'Evict'
  readonly pods: readonly PodToDelete[]
}

/** Maximum number of pods on one record. */
const MAX_PODS = 512

/** Deletes or evicts the failing pods, each only if it is still the same pod and a controller recreates it. */
export const planRecyclePod = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
  actionStep: ActionStep,
): Planned<RecyclePodPlan> =>
  nodeCauseOf(c) === undefined
    ? recyclePodsOfOwner(c, applicable, actionStep)
    : recyclePodsOnNode(c, applicable, actionStep)

const recyclePodsOfOwner = (
  { incident: { owner } }: DecisionInput,
  { policy, matched }: ApplicablePolicy,
  { action, index }: ActionStep,
): Planned<RecyclePodPlan> => {
  if (!owner.recreatesPods) {
    const message = owner.patchesPods
      ? `deleting a pod of ${nameOfOwner(owner)} counts as a failure of its Job and may end it`
      : `nothing would recreate the pods of ${nameOfOwner(owner)}, so none is deleted`
    return notApplicable('RolloutBlocked', message)
  }
  const pods = podsToDelete(matched)
  if (pods.length === 0) {
    return { reason: 'AlreadyRecovered', message: 'all failing pods are already being deleted', tryNext: false }
  }
  return recycling(owner.ref, pods, policy, { action, index })
}

/** Pods that are not terminating, without duplicates, sorted by name. */
const podsToDelete = (matched: readonly Matched[]): readonly PodToDelete[] => {
  const byUid = new Map(
    matched
      .map(({ failing }) => failing.pod.metadata)
      .filter(({ deletionTimestamp }) => deletionTimestamp === undefined)
      .map(
        ({ namespace = '', name, uid, resourceVersion }) => [uid, { namespace, name, uid, resourceVersion }] as const,
      ),
  )
  return [...byUid.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_PODS)
}

const recycling = (
  target: ObjectRef,
  pods: readonly PodToDelete[],
  { generation }: PolicyInForce,
  { action, index }: ActionStep,
): { readonly plan: RecyclePodPlan } => ({
  plan: {
    type: 'RecyclePod',
    index,
    timeoutMs: parseDuration(action.timeout),
    target,
    method: action.recyclePod?.method ?? 'Delete',
    pods,
    diff: diffOf(target, [], pods),
    hash: hashOf({ generation, type: 'RecyclePod', target, changes: [], pods }),
  },
})

/** Controllers that recreate a pod on any node. */
const RECREATES: ReadonlySet<string> = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet'])

/** Whether a controller recreates this pod when it is deleted; deleting a pod of a Job counts as a failure of the Job. */
export const isRecreated = ({ metadata }: Pod): boolean =>
  (metadata.ownerReferences ?? []).some(({ controller, kind }) => controller === true && RECREATES.has(kind))

/**
 * The pods of a node that fail by their own status and that a controller recreates. The others are kept and named: what
 * proves the failure of their node proves nothing about them.
 */
const recyclePodsOnNode = (
  c: DecisionInput,
  { policy, matched }: ApplicablePolicy,
  actionStep: ActionStep,
): Planned<RecyclePodPlan> => {
  const pods = matched.filter(({ failing: { pod } }) => !isNodeItself(pod))
  if (pods.length === 0) {
    return notApplicable('RolloutBlocked', 'the node itself fails, and no pod that could be deleted')
  }
  const recreated = pods.filter(({ failing }) => isRecreated(failing.pod))
  const going = podsToDelete(recreated.filter(({ failing }) => isBlocked(failing.pod)))
  const permanent = leaveOut(
    pods.filter(({ failing }) => !isRecreated(failing.pod)),
    () => 'nothing would recreate it',
  )
  const unproven = leaveOut(
    recreated.filter(({ failing }) => !isBlocked(failing.pod)),
    () => 'its own status does not show that it fails',
  )
  if (going.length > 0) {
    const { plan } = recycling(c.incident.owner.ref, going, policy, actionStep)
    return { plan: { ...plan, leftOut: [...permanent, ...unproven] } }
  }
  if (unproven.length > 0) {
    return noPlan('FactUnknown', `the status of ${sayPods(unproven)} shows no failure, so none is deleted`, false)
  }
  return permanent.length > 0
    ? notApplicable('RolloutBlocked', `nothing would recreate ${sayPods(permanent)}, so none is deleted`)
    : noPlan('AlreadyRecovered', 'no failing pod is left that could be deleted', true)
}

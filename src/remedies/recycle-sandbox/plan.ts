import { type ApplicablePolicy, type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import type { ObjectRef } from '../../model/kubernetes.ts'
import type { NodeTaskRequest, PodOnNode } from '../../model/plan.ts'
import { isBlocked } from '../../model/pod.ts'
import { nodeBase, nodeDiff, podsOnNode } from '../node/plan.ts'
import { taskNames, type TaskPlan } from '../node-tasks/plan.ts'
import { type ActionStep, noPlan, notApplicable, type Planned } from '../remedy.ts'
import { leaveOut, sayPods } from '../text.ts'

export interface RecycleSandboxPlan extends TaskPlan {
  readonly type: 'RecycleSandbox'
}

/** One task per pod, in the same order. */
export const recycleTasks = (
  { name, uid }: ObjectRef,
  pods: readonly PodOnNode[],
  hash: string,
): readonly NodeTaskRequest[] =>
  taskNames('RecycleSandbox', hash, pods.length).map((order, i) => ({
    name: order,
    spec: { nodeName: name, nodeUid: uid, verb: 'RecycleSandbox', recycleSandbox: { podUid: pods[i]?.uid ?? '' } },
  }))

/** Stops and removes the sandboxes of the failing pods, each only while none of its containers runs; the kubelet creates new ones. */
export const planRecycleSandbox = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
  actionStep: ActionStep,
): Planned<RecycleSandboxPlan> => {
  const { ref } = c.incident.owner
  switch (nodeCauseOf(c)) {
    case 'MountHelperMissing':
      return notApplicable('RolloutBlocked', 'a new sandbox does not provide a mount helper')
    case 'RuntimeUnresponsive':
      return notApplicable('RolloutBlocked', 'the runtime does not respond, so it cannot create a new sandbox')
    case undefined:
      return notApplicable('RolloutBlocked', 'RecycleSandbox applies only to failures of a node')
    case 'IptablesChainMissing':
    case 'SandboxStale':
    case 'SandboxNameConflict':
  }
  const { matched } = applicable
  const pods = podsOnNode({ matched: matched.filter(({ failing }) => isBlocked(failing.pod)) })
  const unproven = leaveOut(
    matched.filter(({ failing }) => !isBlocked(failing.pod)),
    () => 'its own status does not show that it fails',
  )
  if (pods.length === 0) {
    return unproven.length > 0
      ? noPlan('FactUnknown', `the status of ${sayPods(unproven)} shows no failure, so no sandbox is removed`, false)
      : noPlan('AlreadyRecovered', 'all failing pods are already being deleted', false)
  }
  const base = nodeBase(c, applicable, actionStep, { pods, what: pods.map(({ uid }) => uid).toSorted() })
  const diff = nodeDiff(ref, ['! sandboxes are removed; the kubelet creates new ones'], pods)
  return {
    plan: { ...base, type: 'RecycleSandbox', diff, tasks: recycleTasks(ref, pods, base.hash), leftOut: unproven },
  }
}

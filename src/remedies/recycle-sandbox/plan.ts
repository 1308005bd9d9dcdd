import { type Case, nodeCauseOf, type Governed } from '../../model/decision-input.ts'
import type { ObjectRef } from '../../model/kubernetes.ts'
import type { NodeOrder, PodOnNode } from '../../model/plan.ts'
import { nodeBase, nodeDiff, orderNames, podsOnNode, unplanned } from '../node-plan.ts'
import type { Planned, Turn } from '../plan.ts'

/** One order a pod, in their order. */
export const recycleOrders = (
  { name, uid }: ObjectRef,
  pods: readonly PodOnNode[],
  hash: string,
): readonly NodeOrder[] =>
  orderNames('RecycleSandbox', hash, pods.length).map((order, i) => ({
    name: order,
    spec: { nodeName: name, nodeUid: uid, verb: 'RecycleSandbox', recycleSandbox: { podUid: pods[i]?.uid ?? '' } },
  }))

/** Stops and removes the sandboxes of the failing pods, each only while no container of it runs: the kubelet makes new ones. */
export const planRecycleSandbox = (c: Case, governed: Governed, turn: Turn): Planned => {
  const { ref } = c.incident.owner
  switch (nodeCauseOf(c)) {
    case 'MountHelperMissing':
      return unplanned('RolloutBlocked', 'a new sandbox brings no mount helper', true)
    case 'RuntimeUnresponsive':
      return unplanned('RolloutBlocked', 'the runtime does not answer: it cannot be asked for a new sandbox', true)
    case undefined:
      return unplanned('RolloutBlocked', 'RecycleSandbox is for what lies with a node', true)
    case 'IptablesChainMissing':
    case 'SandboxStale':
    case 'SandboxNameConflict':
  }
  const pods = podsOnNode(governed)
  if (pods.length === 0) return unplanned('AlreadyRecovered', 'every failing pod is being deleted already', false)
  const base = nodeBase(c, governed, turn, { pods, what: pods.map(({ uid }) => uid).toSorted() })
  const diff = nodeDiff(ref, ['! sandboxes are removed, for the kubelet to make new ones'], pods)
  return { plan: { ...base, type: 'RecycleSandbox', diff, orders: recycleOrders(ref, pods, base.hash) } }
}

/** An intent on a node stands on the record, its outcome does not: what is left of it is done again, under the same names. */
import { type Ask, askFor, type Case, LATER, type PolicyInForce, nodeCauseOf } from '../../model/decision-input.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import type { NodeOrder, Plan, PodOnNode, Verdict } from '../../model/plan.ts'
import { governingPolicy, policyOf, type UnderWay } from '../../model/remediation-state.ts'
import { flagOf, isFlagged } from '../../remedies/flag-node/plan.ts'
import { nameOfOwner } from '../../remedies/pod-template.ts'
import { isRecreated } from '../../remedies/recycle-pod/plan.ts'
import { recycleOrders } from '../../remedies/recycle-sandbox/plan.ts'
import { restartOrders } from '../../remedies/restart-runtime/plan.ts'
import { diffOf } from '../../remedies/text.ts'
import { firstObjection } from '../guardrails/chain.ts'
import { answersTo } from '../match.ts'
import { AGAIN, timeoutOf, withdrawn } from './resume.ts'

/** The plan that is left of a step; `Written` where nothing is. */
type Left = { readonly plan: Plan } | Ask | { readonly unseen: string } | 'Written'

export const resumeNode = (c: Case, underWay: UnderWay): Verdict | 'Written' => {
  const { record, step } = underWay
  const policy = policyOf(c, record)
  const left = leftOf(c, underWay, policy)
  if (left === 'Written') return left
  if ('ask' in left) return { kind: 'Ask', facts: left.ask }
  const { diagnosis } = c
  const by = governingPolicy(record)
  if ('unseen' in left) {
    const message = `begun; what is left to do cannot be seen: ${left.unseen}`
    return { kind: 'Hold', policy: by, reason: 'FactUnknown', message, lookAgainAt: c.now + LATER, diagnosis }
  }
  const { plan } = left
  if (!policy) return withdrawn(c, 'PolicySuspended', `policy ${by.name} is gone`)
  if (c.incident.pods.length === 0) {
    return withdrawn(c, 'Recovered', `no pod of ${nameOfOwner(c.incident.owner)} fails any more`)
  }
  const governed = answersTo(c, policy, true)
  if (!governed) return withdrawn(c, 'PolicySuspended', `policy ${policy.name} does not answer to it any more`)
  if ('ask' in governed) return { kind: 'Ask', facts: governed.ask }
  const objection = firstObjection({ case: c, ...governed, plan, escalates: true }, AGAIN)
  if (objection && 'ask' in objection) return { kind: 'Ask', facts: objection.ask }
  if (objection?.ends !== undefined) return withdrawn(c, objection.ends, objection.message)
  if (objection) {
    const message = `begun but not carried out: ${objection.message}`
    return { kind: 'Hold', policy: by, ...objection, message, plan, diagnosis }
  }
  return { kind: 'Act', policy: by, plan, attempt: step.attempt, resume: true, diagnosis }
}

const leftOf = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined): Left => {
  switch (underWay.step.action) {
    case 'RecycleSandbox':
    case 'RestartRuntime':
      return leftOfOrders(c, underWay, policy)
    case 'FlagNode':
      return leftOfFlag(c, underWay, policy)
    case 'InstallMountHelper':
      return leftOfInstallation(c, underWay, policy)
    case 'RecyclePod':
      return leftOfRecycling(c, underWay, policy)
    case 'RewriteImage':
      return { unseen: 'no image is concerned: it lies with the node' }
  }
}

const baseOf = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined) => {
  const { step } = underWay
  const { namespace = '' } = underWay.record.metadata
  const pods: readonly PodOnNode[] = (step.pods ?? []).map((pod) => ({
    namespace: pod.namespace ?? namespace,
    name: pod.name,
    uid: pod.uid,
  }))
  return {
    index: step.index,
    hash: step.planHash,
    diff: step.diff ?? '',
    timeoutMs: timeoutOf(underWay, policy),
    target: c.incident.owner.ref,
    pods,
  }
}

/** Orders have the names of the intent, so those that were given are not given again. */
const leftOfOrders = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined): Left => {
  const { action, node: on } = underWay.step
  const base = baseOf(c, underWay, policy)
  const leave = (orders: readonly NodeOrder[], planOf: () => Plan): Left => {
    const names = orders.map(({ name }) => name)
    const ask = askFor(c.facts, [{ fact: 'tasks', names }])
    if (ask) return ask
    const { tasks } = c.facts
    if (!tasks?.known) return { unseen: tasks?.why ?? 'the orders were not read' }
    const given = new Set(tasks.value.map(({ metadata }) => metadata.name))
    return names.every((name) => given.has(name)) ? 'Written' : { plan: planOf() }
  }
  if (action === 'RecycleSandbox') {
    const orders = recycleOrders(base.target, base.pods, base.hash)
    return leave(orders, () => ({ ...base, type: 'RecycleSandbox', orders }))
  }
  const { runtime, reason, touches = '' } = on ?? {}
  if (!runtime || !reason) return { unseen: 'the record does not say which runtime was to be restarted' }
  const orders = restartOrders(base.target, { runtime, reason }, base.pods, base.hash)
  return leave(orders, () => ({ ...base, type: 'RestartRuntime', runtime, reason, touches, orders }))
}

const leftOfFlag = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined): Left => {
  const cause = nodeCauseOf(c)
  const ask = askFor(c.facts, [{ fact: 'node' }, { fact: 'inspection' }])
  if (ask) return ask
  const { node } = c.facts
  if (!node?.known || cause === undefined) return { unseen: node?.known === false ? node.why : 'the node was not read' }
  const flag = flagOf(c.facts, cause, underWay.step.node?.detail)
  const taint = policy?.spec.actions[underWay.step.index]?.flagNode?.taint === 'NoSchedule'
  return isFlagged(c, { ...flag, taint })
    ? 'Written'
    : { plan: { ...baseOf(c, underWay, policy), ...flag, type: 'FlagNode', taint } }
}

const leftOfInstallation = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined): Left => {
  const { node: on } = underWay.step
  const podName = on?.orders[0] ?? ''
  const fsType = on?.detail ?? ''
  const ask = askFor(c.facts, [{ fact: 'installer', name: podName }, { fact: 'inspection' }])
  if (ask) return ask
  const { installer, inspection } = c.facts
  if (!installer?.known) return { unseen: installer?.why ?? 'the pod was not read' }
  if (installer.value) return 'Written'
  const helper = inspection?.known ? mountHelperFor(inspection.value.os, fsType) : undefined
  if (helper?.kind !== 'Installable') return { unseen: helper?.why ?? 'the node was not looked at' }
  const { packageName } = helper
  return { plan: { ...baseOf(c, underWay, policy), type: 'InstallMountHelper', fsType, packageName, podName } }
}

const leftOfRecycling = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined): Left => {
  const ask = askFor(c.facts, [{ fact: 'nodePods' }])
  if (ask) return ask
  const { nodePods } = c.facts
  if (!nodePods?.known) return { unseen: nodePods?.why ?? 'the pods were not read' }
  const base = baseOf(c, underWay, policy)
  const named = new Set(base.pods.map(({ uid }) => uid))
  const pods = nodePods.value
    .filter((pod) => named.has(pod.metadata.uid) && pod.metadata.deletionTimestamp === undefined && isRecreated(pod))
    .map(({ metadata: { namespace = '', name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }))
  const method = policy?.spec.actions[underWay.step.index]?.recyclePod?.method ?? 'Delete'
  const diff = diffOf(base.target, [], pods)
  return pods.length === 0 ? 'Written' : { plan: { ...base, type: 'RecyclePod', method, pods, diff } }
}

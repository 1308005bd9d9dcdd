/** An intent on a node stands on the record, its outcome does not: what is left of it is done again, under the same names. */
import {
  type Ask,
  askFor,
  type DecisionInput,
  LATER,
  type PolicyInForce,
  nodeCauseOf,
} from '../../model/decision-input.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import type { NodeTaskRequest, Plan, PodOnNode, Verdict } from '../../model/plan.ts'
import { policyRefOf, policyOf, type InProgress } from '../../model/remediation-state.ts'
import { flagOf, isFlagged } from '../../remedies/flag-node/plan.ts'
import { nameOfOwner } from '../../remedies/pod-template.ts'
import { isRecreated } from '../../remedies/recycle-pod/plan.ts'
import { recycleTasks } from '../../remedies/recycle-sandbox/plan.ts'
import { restartTasks } from '../../remedies/restart-runtime/plan.ts'
import { diffOf } from '../../remedies/text.ts'
import { firstObjection } from '../guardrails/chain.ts'
import { matches } from '../match.ts'
import { AGAIN, timeoutOf, withdrawn } from './resume.ts'

/** The plan that is left of a step; `Written` where nothing is. */
type Left = { readonly plan: Plan } | Ask | { readonly unseen: string } | 'Written'

export const resumeNode = (c: DecisionInput, inProgress: InProgress): Verdict | 'Written' => {
  const { record, step } = inProgress
  const policy = policyOf(c, record)
  const left = leftOf(c, inProgress, policy)
  if (left === 'Written') return left
  if ('ask' in left) return { kind: 'Ask', facts: left.ask }
  const { diagnosis } = c
  const by = policyRefOf(record)
  if ('unseen' in left) {
    const message = `begun; what is left to do cannot be seen: ${left.unseen}`
    return { kind: 'Hold', policy: by, reason: 'FactUnknown', message, requeueAt: c.now + LATER, diagnosis }
  }
  const { plan } = left
  if (!policy) return withdrawn(c, 'PolicySuspended', `policy ${by.name} is gone`)
  if (c.incident.pods.length === 0) {
    return withdrawn(c, 'Recovered', `no pod of ${nameOfOwner(c.incident.owner)} fails any more`)
  }
  const applicable = matches(c, policy, true)
  if (!applicable) return withdrawn(c, 'PolicySuspended', `policy ${policy.name} does not answer to it any more`)
  if ('ask' in applicable) return { kind: 'Ask', facts: applicable.ask }
  const objection = firstObjection({ case: c, ...applicable, plan, escalates: true }, AGAIN)
  if (objection && 'ask' in objection) return { kind: 'Ask', facts: objection.ask }
  if (objection?.ends !== undefined) return withdrawn(c, objection.ends, objection.message)
  if (objection) {
    const message = `begun but not carried out: ${objection.message}`
    return { kind: 'Hold', policy: by, ...objection, message, plan, diagnosis }
  }
  return { kind: 'Act', policy: by, plan, attempt: step.attempt, resume: true, diagnosis }
}

const leftOf = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Left => {
  switch (inProgress.step.action) {
    case 'RecycleSandbox':
    case 'RestartRuntime':
      return leftOfTasks(c, inProgress, policy)
    case 'FlagNode':
      return leftOfFlag(c, inProgress, policy)
    case 'InstallMountHelper':
      return leftOfInstallation(c, inProgress, policy)
    case 'RecyclePod':
      return leftOfRecycling(c, inProgress, policy)
    case 'RewriteImage':
      return { unseen: 'no image is concerned: it lies with the node' }
  }
}

const baseOf = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined) => {
  const { step } = inProgress
  const { namespace = '' } = inProgress.record.metadata
  const pods: readonly PodOnNode[] = (step.pods ?? []).map((pod) => ({
    namespace: pod.namespace ?? namespace,
    name: pod.name,
    uid: pod.uid,
  }))
  return {
    index: step.index,
    hash: step.planHash,
    diff: step.diff ?? '',
    timeoutMs: timeoutOf(inProgress, policy),
    target: c.incident.owner.ref,
    pods,
  }
}

/** Orders have the names of the intent, so those that were given are not given again. */
const leftOfTasks = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Left => {
  const { action, node: on } = inProgress.step
  const base = baseOf(c, inProgress, policy)
  const leave = (requested: readonly NodeTaskRequest[], planOf: () => Plan): Left => {
    const names = requested.map(({ name }) => name)
    const ask = askFor(c.facts, [{ fact: 'tasks', names }])
    if (ask) return ask
    const { tasks } = c.facts
    if (!tasks?.known) return { unseen: tasks?.why ?? 'the orders were not read' }
    const given = new Set(tasks.value.map(({ metadata }) => metadata.name))
    return names.every((name) => given.has(name)) ? 'Written' : { plan: planOf() }
  }
  if (action === 'RecycleSandbox') {
    const tasks = recycleTasks(base.target, base.pods, base.hash)
    return leave(tasks, () => ({ ...base, type: 'RecycleSandbox', tasks }))
  }
  const { runtime, reason, touches = '' } = on ?? {}
  if (!runtime || !reason) return { unseen: 'the record does not say which runtime was to be restarted' }
  const tasks = restartTasks(base.target, { runtime, reason }, base.pods, base.hash)
  return leave(tasks, () => ({ ...base, type: 'RestartRuntime', runtime, reason, touches, tasks }))
}

const leftOfFlag = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Left => {
  const cause = nodeCauseOf(c)
  const ask = askFor(c.facts, [{ fact: 'node' }, { fact: 'inspection' }])
  if (ask) return ask
  const { node } = c.facts
  if (!node?.known || cause === undefined) return { unseen: node?.known === false ? node.why : 'the node was not read' }
  const flag = flagOf(c.facts, cause, inProgress.step.node?.detail)
  const taint = policy?.spec.actions[inProgress.step.index]?.flagNode?.taint === 'NoSchedule'
  return isFlagged(c, { ...flag, taint })
    ? 'Written'
    : { plan: { ...baseOf(c, inProgress, policy), ...flag, type: 'FlagNode', taint } }
}

const leftOfInstallation = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Left => {
  const { node: on } = inProgress.step
  const podName = on?.tasks[0] ?? ''
  const fsType = on?.detail ?? ''
  const ask = askFor(c.facts, [{ fact: 'installer', name: podName }, { fact: 'inspection' }])
  if (ask) return ask
  const { installer, inspection } = c.facts
  if (!installer?.known) return { unseen: installer?.why ?? 'the pod was not read' }
  if (installer.value) return 'Written'
  const helper = inspection?.known ? mountHelperFor(inspection.value.os, fsType) : undefined
  if (helper?.kind !== 'Installable') return { unseen: helper?.why ?? 'the node was not looked at' }
  const { packageName } = helper
  return { plan: { ...baseOf(c, inProgress, policy), type: 'InstallMountHelper', fsType, packageName, podName } }
}

const leftOfRecycling = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Left => {
  const ask = askFor(c.facts, [{ fact: 'nodePods' }])
  if (ask) return ask
  const { nodePods } = c.facts
  if (!nodePods?.known) return { unseen: nodePods?.why ?? 'the pods were not read' }
  const base = baseOf(c, inProgress, policy)
  const named = new Set(base.pods.map(({ uid }) => uid))
  const pods = nodePods.value
    .filter((pod) => named.has(pod.metadata.uid) && pod.metadata.deletionTimestamp === undefined && isRecreated(pod))
    .map(({ metadata: { namespace = '', name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }))
  const method = policy?.spec.actions[inProgress.step.index]?.recyclePod?.method ?? 'Delete'
  const diff = diffOf(base.target, [], pods)
  return pods.length === 0 ? 'Written' : { plan: { ...base, type: 'RecyclePod', method, pods, diff } }
}

import type { NodeInspection } from '../../api/node-task.ts'
import {
  type ApplicablePolicy,
  type Ask,
  askFor,
  type DecisionInput,
  HOUR,
  nodeCauseOf,
  type Spared,
} from '../../model/decision-input.ts'
import { activeFirewallUnits, findDockerChain, isDockersChain } from '../../model/firewall.ts'
import { formatDuration, parseTime } from '../../model/duration.ts'
import type { Facts } from '../../model/incident.ts'
import type { ObjectRef, Pod } from '../../model/kubernetes.ts'
import { podRefOf } from '../../model/pod.ts'
import type { NodeRuntime, RestartReason } from '../../model/node-tasks.ts'
import type { NodeTaskRequest, PodOnNode } from '../../model/plan.ts'
import { kubeletsRuntime, nodeBase, nodeDiff, podLines, podsOnNode, sayUnseen } from '../node/plan.ts'
import { askForAnswers, isSandboxCause, sandboxOf } from '../node/sandboxes.ts'
import { taskNames, type TaskPlan } from '../node-tasks/plan.ts'
import { type ActionStep, noPlan, type NoPlan, notApplicable, type Planned } from '../remedy.ts'
import { leaveOut } from '../text.ts'
import { excludes } from '../../model/names.ts'
import { triedSteps } from '../../model/remediation-state.ts'

export interface RestartRuntimePlan extends TaskPlan {
  readonly type: 'RestartRuntime'
  readonly runtime: NodeRuntime
  readonly reason: RestartReason
  /** What the restart touches, in a sentence. */
  readonly touches: string
}

/** Why a restart is requested; the agent checks it before it acts. */
export interface Restart {
  readonly runtime: NodeRuntime
  readonly reason: RestartReason
}

export const restartTasks = (
  { name, uid }: ObjectRef,
  { runtime, reason }: Restart,
  pods: readonly PodOnNode[],
  hash: string,
): readonly NodeTaskRequest[] => {
  const podUids = reason === 'SandboxesStuck' && { podUids: pods.map((pod) => pod.uid) }
  const restartRuntime = { runtime, reason, ...podUids }
  return taskNames('RestartRuntime', hash, 1).map((order) => ({
    name: order,
    spec: { nodeName: name, nodeUid: uid, verb: 'RestartRuntime', restartRuntime },
  }))
}

const isDockerThere = ({ docker, units }: NodeInspection): boolean =>
  docker.installed ?? units.list?.some(({ name, load }) => name === 'docker.service' && load === 'loaded') ?? false

/** If the chain is missing again this soon, something removes it: restarts would not end. */
const goneAgain = (c: DecisionInput, inspection: NodeInspection): NoPlan | undefined => {
  const restarted = triedSteps(c).find(
    ({ step }) =>
      step.action === 'RestartRuntime' && step.state === 'Succeeded' && step.node?.reason === 'ChainMissing',
  )
  const at = parseTime(restarted?.step.finishedAt)
  if (at === undefined || c.now - at > HOUR) return undefined
  const names = activeFirewallUnits(inspection)
  const who =
    names.length > 0
      ? `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} active on the node and may remove it`
      : 'something on the node removes it, such as a firewall service or another iptables-restore'
  const ago = formatDuration(Math.max(60_000, Math.round((c.now - at) / 60_000) * 60_000))
  return noPlan('AttemptsSpent', `the chain was restored ${ago} ago and is missing again: ${who}`, true)
}

const restartForChain = (c: DecisionInput, { matched }: ApplicablePolicy): Restart | NoPlan => {
  const { inspection } = c.facts
  const chain = matched.map(({ finding }) => finding.detail).find((detail) => detail !== undefined)
  if (chain === undefined) return noPlan('FactUnknown', 'the message does not name the missing chain', true)
  if (!isDockersChain(chain)) {
    const whose = 'a CNI plugin, kube-proxy or a firewall must create it'
    return notApplicable('RolloutBlocked', `Docker does not create chain ${chain}: ${whose}`)
  }
  if (!inspection?.known) return noPlan('FactUnknown', sayUnseen(inspection), false)
  const { chains } = inspection.value
  if (!isDockerThere(inspection.value)) {
    return noPlan('RolloutBlocked', `docker.service is not on the node, so chain ${chain} is not Docker's here`, true)
  }
  if (!chains.known) return noPlan('FactUnknown', `whether chain ${chain} is missing is unknown: ${chains.why}`, false)
  const found = findDockerChain(chains)
  if (found.kind === 'Unknown')
    return noPlan('FactUnknown', `whether chain ${chain} is missing is unknown: ${found.why}`, false)
  if (found.kind === 'There') return noPlan('FactUnknown', 'the agent sees chain DOCKER in its tables', true)
  return goneAgain(c, inspection.value) ?? { runtime: 'docker', reason: 'ChainMissing' }
}

const restartOfKubelets = ({ facts }: DecisionInput, reason: RestartReason): Restart | NoPlan => {
  const { inspection } = facts
  if (!inspection?.known) return noPlan('FactUnknown', sayUnseen(inspection), false)
  const runtime = kubeletsRuntime(facts)
  if (!runtime) return noPlan('FactUnknown', 'the runtime of the kubelet is unknown or cannot be restarted', true)
  return { runtime, reason }
}

/** Why a restart would be requested. */
const restartFor = (c: DecisionInput, applicable: ApplicablePolicy): Restart | NoPlan => {
  const cause = nodeCauseOf(c)
  switch (cause) {
    case 'IptablesChainMissing':
      return restartForChain(c, applicable)
    case 'RuntimeUnresponsive':
      return restartOfKubelets(c, 'Unresponsive')
    case 'SandboxStale':
    case 'SandboxNameConflict':
      return podsOnNode(applicable).length === 0
        ? noPlan('AlreadyRecovered', 'all failing pods are already being deleted', false)
        : restartOfKubelets(c, 'SandboxesStuck')
    case 'MountHelperMissing':
      return notApplicable('RolloutBlocked', 'a restart of the runtime does not provide a mount helper')
    case undefined:
      return notApplicable('RolloutBlocked', 'RestartRuntime applies only to failures of a node')
  }
}

/** Facts that a restart depends on. */
const askForRestart = ({ facts }: DecisionInput): Ask | undefined =>
  askFor(facts, [{ fact: 'node' }, { fact: 'inspection' }, { fact: 'nodePods' }])

/** Without the pods of which the agent found no dead sandbox in this attempt: whatever an Event says, a restart would not help them. */
const withoutRuledOut = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
): (ApplicablePolicy & { readonly ruledOut: readonly Spared[] }) | NoPlan => {
  const cause = nodeCauseOf(c)
  if (cause === undefined || !isSandboxCause(cause)) return { ...applicable, ruledOut: [] }
  const found = sandboxOf(c)
  const why = (says: string): string => `the agent found no dead sandbox: ${says}`
  const spared = applicable.matched.flatMap((one): readonly Spared[] => {
    const answer = found(one)
    return answer?.kind === 'None' ? [{ ...one, why: why(answer.says) }] : []
  })
  const uids = new Set(spared.map(({ failing }) => failing.pod.metadata.uid))
  const matched = applicable.matched.filter(({ failing }) => !uids.has(failing.pod.metadata.uid))
  const [first] = spared
  if (matched.length === 0 && first) return noPlan('FactUnknown', `only Events name ${cause}, and ${first.why}`, true)
  return { ...applicable, matched, ruledOut: spared }
}

/** Restarts the affected runtime on one node; the plan lists what else that affects. */
export const planRestartRuntime = (
  c: DecisionInput,
  found: ApplicablePolicy,
  actionStep: ActionStep,
): Planned<RestartRuntimePlan> => {
  if (nodeCauseOf(c) === undefined) return restartFor(c, found) as NoPlan
  // First, because a cause that is ruled out needs no inspection.
  const answers = askForAnswers(c)
  if (answers) return answers
  const applicable = withoutRuledOut(c, found)
  if ('tryNext' in applicable) return applicable
  const ask = askForRestart(c)
  if (ask) return ask
  const restart = restartFor(c, applicable)
  if ('tryNext' in restart) return restart
  const { runtime, reason } = restart
  const { ref } = c.incident.owner
  const { touches, effect, stops: stopped, unseen } = blastRadius(c.facts, runtime)
  if (unseen !== undefined) return noPlan('FactUnknown', unseen, false)
  const spared = sparedFrom(c, runtime, stopped)
  if (spared) return spared
  const pods = podsOnNode(applicable)
  const spares = [...applicable.ruledOut, ...(applicable.spared ?? [])]
  const failing = new Set([...pods, ...podsOnNode({ matched: spares })].map(({ uid }) => uid))
  const others = stopped.map(podRefOf).filter(({ uid }) => !failing.has(uid))
  const lines = [`! ${runtime}.service is restarted: ${touches}`]
  const base = nodeBase(c, applicable, actionStep, { pods, what: [runtime, reason, ...lines] })
  const also = others.length > 0 ? [`@@ ${effect ?? 'stops'} these pods @@`, ...podLines(others)] : []
  const diff = [nodeDiff(ref, lines, pods), ...also].join('\n')
  return {
    plan: {
      ...base,
      type: 'RestartRuntime',
      runtime,
      reason,
      touches,
      diff,
      ...(others.length > 0 && { stops: others.map(({ uid }) => uid) }),
      tasks: restartTasks(ref, restart, pods, base.hash),
      leftOut: leaveOut(applicable.ruledOut, ({ why }) => why),
    },
  }
}

/** Holds if a pod that the restart would stop is excluded: itself, its namespace or its owner. */
const sparedFrom = (
  { facts }: DecisionInput,
  runtime: NodeRuntime,
  stops: readonly Pod[],
): NoPlan | Ask | undefined => {
  if (stops.length === 0) return undefined
  const hold = ({ metadata: { namespace, name } }: Pod, by: string): NoPlan =>
    noPlan('OptedOut', `a restart of ${runtime} would stop Pod ${namespace}/${name}, ${by}`, true)
  const itself = stops.find(({ metadata }) => excludes(metadata))
  if (itself) return hold(itself, 'which is excluded')
  const ask = askFor(facts, [{ fact: 'optOuts' }])
  if (ask) return ask
  const { optOuts } = facts
  if (!optOuts?.known) {
    return noPlan('FactUnknown', `whether a pod that it would stop opted out is unknown: ${optOuts?.why ?? ''}`, false)
  }
  const found = stops.flatMap((pod) => {
    const optOut = optOuts.value.find(({ uid }) => uid === pod.metadata.uid)
    return optOut ? [hold(pod, `whose ${optOut.by} is excluded`)] : []
  })
  return found[0]
}

// What else a restart of the runtime affects, besides the failing pods.

interface BlastRadius {
  /** A sentence for the approver, who signs it: without numbers, which change while nobody is affected. */
  readonly touches: string
  /** What happens to the pods that it lists. */
  readonly effect?: 'stops' | 'may stop'
  /** Pods whose containers stop, or may stop. */
  readonly stops: readonly Pod[]
  /** Why that is unknown; then nothing may be restarted. */
  readonly unseen?: string
}

const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** Docker's live-restore as text: on, off or unknown. */
const liveRestore = ({ inspection }: Facts): boolean | undefined =>
  inspection?.known && inspection.value.docker.known ? inspection.value.docker.liveRestore : undefined

const besideKubernetes = (facts: Facts, kubelets: NodeRuntime): BlastRadius => {
  const here = `docker runs no pods here (the kubelet uses ${kubelets})`
  const with_ = (effect: string, why: string): BlastRadius => ({
    touches: `${here}; containers outside Kubernetes ${effect}: ${why}`,
    stops: [],
  })
  switch (liveRestore(facts)) {
    case true:
      return with_('keep running', 'live-restore is on')
    case false:
      return with_('stop', 'live-restore is off')
    case undefined:
      return with_('may stop', 'whether live-restore is on is unknown')
  }
}

/** Needs the facts `node`, `inspection` and `nodePods`. */
const blastRadius = (facts: Facts, runtime: NodeRuntime): BlastRadius => {
  const kubelets = kubeletsRuntime(facts)
  if (kubelets === undefined) return { touches: '', stops: [], unseen: 'which runtime the kubelet uses is unknown' }
  if (runtime !== kubelets) return besideKubernetes(facts, kubelets)
  const { nodePods } = facts
  const pods = nodePods?.known ? nodePods.value.filter((pod) => !hasEnded(pod)) : []
  const its = 'its pods keep running'
  if (runtime !== 'docker') return { touches: `${its}: ${runtime} does not stop them`, stops: [] }
  const spared = liveRestore(facts)
  if (spared === true) return { touches: `${its}: live-restore is on`, stops: [] }
  if (!nodePods?.known) {
    return {
      touches: '',
      stops: [],
      unseen: `which pods it would stop is unknown: ${nodePods?.why ?? 'not read'}`,
    }
  }
  const touches =
    spared === false
      ? 'stops the containers of its pods: live-restore is off'
      : 'may stop the containers of its pods: whether live-restore is on is unknown'
  return { touches, effect: spared === false ? 'stops' : 'may stop', stops: pods }
}

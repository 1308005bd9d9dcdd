/** A remedy on a node is under way: what its agent answered, and whether the pods that it was for recovered. */
import type { RemediationStep } from '../../api/remediation.ts'
import { type Ask, askFor, type DecisionInput, LATER, nodeCauseOf } from '../../model/decision-input.ts'
import { findDockerChain } from '../../model/firewall.ts'
import { formatDuration, parseTime } from '../../model/duration.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { Verdict } from '../../model/plan.ts'
import { hasFurtherAction, type InProgress } from '../../model/remediation-state.ts'
import { isLeaving } from '../../remedies/pod-template.ts'
import type { Started } from '../../remedies/running-pods.ts'
import { type Answers, answersOf } from '../../remedies/task-results.ts'
import { afterIneffective } from './undo.ts'
import { deadlineOf, patience, verification, waiting } from './verification.ts'

/** A step that was written. */
export const verifyNode = (c: DecisionInput, inProgress: InProgress): Verdict => {
  switch (inProgress.step.action) {
    case 'FlagNode':
      return verifyFlag(c, inProgress)
    case 'RecycleSandbox':
    case 'RestartRuntime':
      return verifyTasks(c, inProgress)
    case 'InstallMountHelper':
      return verifyInstalled(c, inProgress)
    case 'RecyclePod':
      return withPods(c, inProgress, (pods) => settle(c, inProgress, replaced(c, inProgress, pods)))
    case 'RewriteImage':
      return verification(c, 'Cancelled', 'TemplateDiffers', 'no image is concerned: it lies with the node')
  }
}

/** The flag itself helps nobody: whatever the policy has beyond it comes at once. */
const verifyFlag = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { step } = inProgress
  const { name } = c.incident.owner.ref
  return hasFurtherAction(c, inProgress)
    ? afterIneffective(c, inProgress, `node ${name} is flagged; the policy goes on`)
    : verification(
        c,
        'Succeeded',
        'Flagged',
        `node ${name} is flagged with ${nodeCauseOf(c)}: ${step.node?.message ?? 'see its conditions'}`,
      )
}

const withPods = (c: DecisionInput, inProgress: InProgress, judge: (pods: readonly Pod[]) => Verdict): Verdict => {
  const ask = askFor(c.facts, [{ fact: 'nodePods' }])
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { nodePods } = c.facts
  if (nodePods?.known) return judge(nodePods.value)
  const why = `the pods of the node cannot be seen: ${nodePods?.why ?? 'not read'}`
  return c.now < deadlineOf(c, inProgress) ? waiting(why, c.now + LATER) : afterIneffective(c, inProgress, why)
}

/** It must stay so for a while; what does not come in its time did not help. */
const settle = (c: DecisionInput, inProgress: InProgress, started: Started): Verdict => {
  const { stabilizationMs } = c.operator
  const deadline = deadlineOf(c, inProgress)
  if ('lacks' in started) {
    return c.now < deadline
      ? waiting(started.lacks, Math.min(deadline, c.now + patience(c, inProgress)))
      : afterIneffective(c, inProgress, started.lacks)
  }
  const settled = started.since + stabilizationMs
  if (c.now < settled) return waiting(`recovered; must stay so for ${formatDuration(stabilizationMs)}`, settled)
  const message = `${sayPods(inProgress.step)} recovered and stayed so for ${formatDuration(stabilizationMs)}`
  return verification(c, 'Succeeded', 'Repaired', message)
}

const sayPods = ({ pods = [] }: RemediationStep): string =>
  pods.length === 0 ? 'the node' : pods.length === 1 ? `pod ${pods[0]?.name}` : `the ${pods.length} pods`

/** A pod that was deleted proves nothing by being gone: none of those in its place may fail the same way. */
const replaced = (c: DecisionInput, { step }: InProgress, pods: readonly Pod[]): Started => {
  const uids = new Set(step.pods?.map(({ uid }) => uid))
  const left = pods.find(({ metadata }) => uids.has(metadata.uid))
  if (left) return { lacks: `pod ${left.metadata.namespace}/${left.metadata.name} is not gone yet` }
  const [failing] = c.incident.pods
  if (failing) return { lacks: `pod ${failing.pod.metadata.name} fails the same way` }
  return podsRecovered(step.pods, pods)
}

const verifyTasks = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { step } = inProgress
  const names = step.node?.tasks ?? []
  const ask = askFor(c.facts, [{ fact: 'tasks', names }])
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { tasks } = c.facts
  if (!tasks?.known) {
    const why = `what the agent answered cannot be seen: ${tasks?.why ?? 'not read'}`
    return c.now < deadlineOf(c, inProgress) ? waiting(why, c.now + LATER) : afterIneffective(c, inProgress, why)
  }
  const answers = answersOf(names, tasks.value, c.now)
  switch (answers.kind) {
    case 'Open':
      return waiting(answers.says, Math.min(answers.until, c.now + patience(c, inProgress)))
    case 'Failed':
      return afterIneffective(c, inProgress, answers.says)
    case 'NotNeeded':
      return withPods(c, inProgress, (pods) => notNeeded(c, inProgress, answers.says, pods))
    case 'Done':
      return withPods(c, inProgress, (pods) => carriedOut(c, inProgress, answers, pods))
  }
}

/** The agent found nothing to do: then it recovered by itself, or this is no remedy for it. */
const notNeeded = (c: DecisionInput, inProgress: InProgress, says: string, pods: readonly Pod[]): Verdict => {
  const node = nodeBack(c, inProgress.step)
  if ('ask' in node) return { kind: 'Ask', facts: node.ask }
  const recovered = 'lacks' in node ? node : podsRecovered(inProgress.step.pods, pods)
  return 'lacks' in recovered
    ? afterIneffective(c, inProgress, `${says}; yet ${recovered.lacks}`)
    : verification(c, 'Succeeded', 'Recovered', `it recovered by itself: ${says}`)
}

type Done = Extract<Answers, { kind: 'Done' }>

const carriedOut = (
  c: DecisionInput,
  inProgress: InProgress,
  { at, left, inspection }: Done,
  pods: readonly Pod[],
): Verdict => {
  const { step } = inProgress
  const chains = inspection?.chains
  if (step.node?.reason === 'ChainMissing' && chains && findDockerChain(chains).kind === 'Missing') {
    return afterIneffective(c, inProgress, 'docker was restarted, and its chain is still missing')
  }
  const node = nodeBack(c, step)
  if ('ask' in node) return { kind: 'Ask', facts: node.ask }
  if ('lacks' in node) return settle(c, inProgress, node)
  const recovered = podsRecovered(step.pods, pods)
  if ('since' in recovered) return settle(c, inProgress, { since: Math.max(at, node.since, recovered.since) })
  return settle(c, inProgress, left === undefined ? recovered : { lacks: `${recovered.lacks}; ${left}` })
}

/** After the restart of the kubelet's runtime the node must be Ready again. */
const nodeBack = ({ facts, incident }: DecisionInput, { node: on }: RemediationStep): Started | Ask => {
  if (on?.reason !== 'Unresponsive' && on?.reason !== 'SandboxesStuck') return { since: 0 }
  const ask = askFor(facts, [{ fact: 'node' }])
  if (ask) return ask
  const { node } = facts
  if (!node?.known) return { lacks: `whether node ${incident.owner.ref.name} is Ready cannot be seen: ${node?.why}` }
  return node.value.ready ? { since: 0 } : { lacks: `node ${node.value.name} is not Ready yet` }
}

/** The pod that installs ended well, and the agent sees the helper; then the kubelet's next try mounts. */
const verifyInstalled = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { step } = inProgress
  const name = step.node?.tasks[0] ?? ''
  const ask = askFor(c.facts, [{ fact: 'installer', name }])
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { installer } = c.facts
  if (!installer?.known) return waiting(`how the installation goes cannot be seen: ${installer?.why}`, c.now + LATER)
  const phase = installer.value?.status?.phase
  if (installer.value !== undefined && phase !== 'Succeeded') {
    if (phase === 'Failed')
      return afterIneffective(c, inProgress, `the installation failed: ${lastWords(installer.value)}`)
    return settle(c, inProgress, { lacks: `pod ${name} installs it: ${lastWords(installer.value)}` })
  }
  return helperThere(c, inProgress, installer.value === undefined ? `pod ${name} is gone` : `pod ${name} ended well`)
}

const helperThere = (c: DecisionInput, inProgress: InProgress, says: string): Verdict => {
  const { step } = inProgress
  const fsType = step.node?.detail ?? ''
  const ask = askFor(c.facts, [{ fact: 'inspection' }, { fact: 'nodePods' }])
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { inspection } = c.facts
  const mounts = inspection?.known ? inspection.value.mounts : undefined
  if (!mounts?.known) {
    const why = inspection?.known === false ? inspection.why : (mounts?.why ?? 'not read')
    return settle(c, inProgress, { lacks: `${says}; whether mount.${fsType} is there cannot be seen: ${why}` })
  }
  if (!mounts.helpers?.includes(fsType))
    return settle(c, inProgress, { lacks: `${says}; mount.${fsType} is not there` })
  return withPods(c, inProgress, (pods) => {
    const recovered = podsRecovered(step.pods, pods)
    if ('since' in recovered) return settle(c, inProgress, recovered)
    // The kubelet tries again within two minutes; what fails then is another cause, and an incident of its own.
    return c.incident.pods.length === 0 || c.now >= deadlineOf(c, inProgress)
      ? verification(c, 'Succeeded', 'Repaired', `mount.${fsType} is there now; ${recovered.lacks}`)
      : waiting(`mount.${fsType} is there; ${recovered.lacks}`, c.now + patience(c, inProgress))
  })
}

/** What a short-lived pod said last, for whoever reads the record. */
const lastWords = ({ status }: Pod): string => {
  const states = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
    ({ state }) => state,
  )
  const said = states.flatMap((state) => [state?.terminated?.message, state?.waiting?.message, state?.waiting?.reason])
  return said.find(Boolean)?.trim() ?? status?.message ?? status?.phase ?? 'it said nothing'
}

// Whether pods on a node got over what a remedy of the node was for.

type StepPods = NonNullable<RemediationStep['pods']>

/** Since when the kubelet says that the pod's sandbox is there and its volumes are mounted; else when a container started. */
const readySince = ({ status }: Pod): number | undefined => {
  const condition = status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')
  if (condition) return condition.status === 'True' ? (parseTime(condition.lastTransitionTime) ?? 0) : undefined
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  const starts = containers.flatMap(({ state, lastState }) => {
    const at = parseTime(state?.running?.startedAt) ?? (state?.terminated || lastState?.terminated ? 0 : undefined)
    return at === undefined ? [] : [at]
  })
  return starts.length > 0 ? Math.min(...starts) : undefined
}

const nameOf = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`

/**
 * Each of the pods is gone, or can start its containers; since the last of them can, ms since the epoch. `all`: every pod
 * on the node.
 */
export const podsRecovered = (named: StepPods | undefined, all: readonly Pod[]): Started => {
  const uids = new Set(named?.map(({ uid }) => uid))
  const there = all.filter((pod) => uids.has(pod.metadata.uid) && !isLeaving(pod) && pod.status?.phase !== 'Succeeded')
  const waiting = there.find((pod) => readySince(pod) === undefined)
  if (waiting) return { lacks: `pod ${nameOf(waiting)} cannot start its containers yet` }
  return { since: Math.max(0, ...there.map((pod) => readySince(pod) ?? 0)) }
}

/** What the agents answered to the orders of a step, and whether the pods that these were for recovered. */
import type { NodeTask } from '../../api/kinds.ts'
import type { NodeInspection } from '../../api/node-task.ts'
import { type Ask, askFor, type DecisionInput, LATER } from '../../model/decision-input.ts'
import { parseTime } from '../../model/duration.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { podsRecovered, recovery, withNodePods } from '../node/verify.ts'
import { patience, type Progress } from '../remedy.ts'
import type { Started } from '../running-pods.ts'

/** An agent that finished at the last moment needs one to say so. */
const GRACE_MS = 5_000

type Answers =
  /** Some are not answered; until then they may be, ms since the epoch. */
  | { readonly kind: 'Open'; readonly says: string; readonly until: number }
  /** None was carried out, and none of what was wanted is said to be so already. `says` has the agent's words. */
  | { readonly kind: 'Failed'; readonly says: string }
  /** The agent found nothing to do. */
  | { readonly kind: 'NotNeeded'; readonly says: string }
  /** Carried out, at least in part; `at` when the last ended, ms since the epoch, `left` the words on the others. */
  | {
      readonly kind: 'Done'
      readonly at: number
      readonly left?: string
      readonly inspection?: NodeInspection
    }

const wordsOf = ({ metadata, spec, status }: NodeTask): string =>
  `the agent of node ${spec.nodeName} ${status?.phase === 'Refused' ? 'refused' : 'failed'} ${metadata.name} (${status?.reason ?? 'no reason'}): ${status?.message ?? 'no message'}`

const isFinal = ({ status }: NodeTask): boolean => status?.phase !== undefined && status.phase !== 'Running'

/** Nothing of it is so any more, or a container of the pod runs: what the remedy was for may be over. */
const foundNothing = ({ status }: NodeTask): boolean =>
  status?.phase === 'Refused' && (status.reason === 'NotNeeded' || status.reason === 'SandboxInUse')

const openOf = (open: readonly NodeTask[], now: number): Answers => {
  const until = Math.max(...open.map(({ spec }) => parseTime(spec.deadline) ?? 0)) + GRACE_MS
  const [first] = open
  const node = first?.spec.nodeName
  if (now < until) {
    const begun = open.some(({ status }) => status?.phase === 'Running')
    return {
      kind: 'Open',
      says: `the agent of node ${node} ${begun ? 'is executing it' : 'has not answered yet'}`,
      until,
    }
  }
  const late = open.find(({ status }) => status?.phase === 'Running')
  const says = late
    ? `the agent of node ${node} started ${late.metadata.name} and did not report a result by its deadline`
    : `the agent of node ${node} did not answer ${first?.metadata.name} by its deadline`
  return { kind: 'Failed', says }
}

/** `names` are those of all orders; `tasks` those that are there. */
const answersOf = (names: readonly string[], tasks: readonly NodeTask[], now: number): Answers => {
  const missing = names.filter((name) => !tasks.some(({ metadata }) => metadata.name === name))
  const open = tasks.filter((task) => !isFinal(task))
  if (open.length > 0) return openOf(open, now)
  const done = tasks.filter(({ status }) => status?.phase === 'Succeeded')
  const bad = tasks.filter((task) => isFinal(task) && task.status?.phase !== 'Succeeded')
  const gone = missing.length > 0 ? `NodeTask ${missing[0]} was deleted` : undefined
  const failed = bad.find((task) => !foundNothing(task))
  if (done.length === 0) {
    if (failed) return { kind: 'Failed', says: wordsOf(failed) }
    const [idle] = bad
    return idle
      ? { kind: 'NotNeeded', says: wordsOf(idle) }
      : { kind: 'Failed', says: gone ?? 'no NodeTask was created' }
  }
  const inspection = done.map(({ status }) => status?.inspection).find((seen) => seen !== undefined)
  const left = failed ? wordsOf(failed) : gone
  return {
    kind: 'Done',
    at: Math.max(...done.map(({ status }) => parseTime(status?.finishedAt) ?? 0)),
    ...(left !== undefined && { left }),
    ...(inspection && { inspection }),
  }
}

/** What a remedy knows of its own orders. */
export interface TaskChecks {
  /** The node itself is back, as far as the order touched it. */
  readonly nodeBack?: (c: DecisionInput, inProgress: InProgress) => Started | Ask
  /** Why it did not help although it was carried out, by what the agent saw after it. */
  readonly inVain?: (inProgress: InProgress, inspection: NodeInspection) => string | undefined
}

const BACK: Started = { since: 0 }

/** Whether the orders of a step were carried out and helped. */
export const verifyTasks = (c: DecisionInput, inProgress: InProgress, checks: TaskChecks = {}): Progress => {
  const { step } = inProgress
  const names = step.node?.tasks ?? []
  const ask = askFor(c.facts, [{ fact: 'tasks', names }])
  if (ask) return ask
  const { tasks } = c.facts
  if (!tasks?.known) {
    return { lacks: `the status of the NodeTasks is unknown: ${tasks?.why ?? 'not read'}`, nextCheckAt: c.now + LATER }
  }
  const answers = answersOf(names, tasks.value, c.now)
  switch (answers.kind) {
    case 'Open':
      return { waits: answers.says, nextCheckAt: Math.min(answers.until, c.now + patience(c, inProgress)) }
    case 'Failed':
      return { outcome: 'Ineffective', message: answers.says }
    case 'NotNeeded':
      return withNodePods(c, (pods) => notNeeded(c, inProgress, answers.says, { pods, checks }))
    case 'Done':
      return withNodePods(c, (pods) => carriedOut(c, inProgress, answers, { pods, checks }))
  }
}

interface Seen {
  readonly pods: readonly Pod[]
  readonly checks: TaskChecks
}

/** The agent found nothing to do: then it recovered by itself, or this is no remedy for it. */
const notNeeded = (c: DecisionInput, inProgress: InProgress, says: string, { pods, checks }: Seen): Progress => {
  const node = checks.nodeBack?.(c, inProgress) ?? BACK
  if ('ask' in node) return node
  const recovered = 'lacks' in node ? node : podsRecovered(inProgress.step.pods, pods)
  return 'lacks' in recovered
    ? { outcome: 'Ineffective', message: `${says}, but ${recovered.lacks}` }
    : { outcome: 'Succeeded', reason: 'Recovered', message: `it recovered by itself: ${says}` }
}

type Done = Extract<Answers, { kind: 'Done' }>

const carriedOut = (
  c: DecisionInput,
  inProgress: InProgress,
  { at, left, inspection }: Done,
  { pods, checks }: Seen,
): Progress => {
  const { step } = inProgress
  const inVain = inspection && checks.inVain?.(inProgress, inspection)
  if (inVain !== undefined) return { outcome: 'Ineffective', message: inVain }
  const node = checks.nodeBack?.(c, inProgress) ?? BACK
  if ('ask' in node || 'lacks' in node) return node
  const recovered = podsRecovered(step.pods, pods)
  if ('since' in recovered) return recovery(step, { since: Math.max(at, node.since, recovered.since) })
  return { lacks: left === undefined ? recovered.lacks : `${recovered.lacks}; ${left}` }
}

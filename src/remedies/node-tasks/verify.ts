/** The status of the NodeTasks of a step, and whether their pods recovered. */
import type { NodeTask } from '../../api/kinds.ts'
import type { NodeInspection } from '../../api/node-task.ts'
import { type Ask, askFor, type DecisionInput, LATER } from '../../model/decision-input.ts'
import { parseTime } from '../../model/duration.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { isFinished } from '../../model/node-tasks.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { podsRecovered, recovery, withNodePods } from '../node/verify.ts'
import { type Progress, requeueDelay } from '../remedy.ts'
import type { Started } from '../running-pods.ts'

/** Time for an agent that finished just before the deadline to report it. */
const GRACE_MS = 5_000

type Answers =
  /** Some have no result; until when they may get one, ms since the epoch. */
  | { readonly kind: 'Open'; readonly message: string; readonly until: number }
  /** No task succeeded, and none was unnecessary. */
  | { readonly kind: 'Failed'; readonly message: string }
  /** The agent found nothing to do. */
  | { readonly kind: 'NotNeeded'; readonly message: string }
  /** Executed, at least in part; `at`: when the last ended, ms since the epoch; `left`: the message on the others. */
  | {
      readonly kind: 'Done'
      readonly at: number
      readonly left?: string
      readonly inspection?: NodeInspection
    }

const messageOf = ({ metadata, spec, status }: NodeTask): string =>
  `the agent of node ${spec.nodeName} ${status?.phase === 'Refused' ? 'refused' : 'failed'} ${metadata.name} (${status?.reason ?? 'no reason'}): ${status?.message ?? 'no message'}`

/** The problem no longer exists, or a container of the pod runs: the failure may be over. */
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
      message: `the agent of node ${node} ${begun ? 'is executing it' : 'has not answered yet'}`,
      until,
    }
  }
  const late = open.find(({ status }) => status?.phase === 'Running')
  const message = late
    ? `the agent of node ${node} started ${late.metadata.name} and did not report a result by its deadline`
    : `the agent of node ${node} did not answer ${first?.metadata.name} by its deadline`
  return { kind: 'Failed', message }
}

/** `names` are those of all tasks; `tasks` the existing ones. */
const answersOf = (names: readonly string[], tasks: readonly NodeTask[], now: number): Answers => {
  const missing = names.filter((name) => !tasks.some(({ metadata }) => metadata.name === name))
  const open = tasks.filter((task) => !isFinished(task))
  if (open.length > 0) return openOf(open, now)
  const done = tasks.filter(({ status }) => status?.phase === 'Succeeded')
  const bad = tasks.filter((task) => isFinished(task) && task.status?.phase !== 'Succeeded')
  const gone =
    missing.length > 0 ? `NodeTask ${missing[0]} does not exist: it was deleted, or could not be created` : undefined
  const failed = bad.find((task) => !foundNothing(task))
  if (done.length === 0) {
    if (failed) return { kind: 'Failed', message: messageOf(failed) }
    const [idle] = bad
    return idle
      ? { kind: 'NotNeeded', message: messageOf(idle) }
      : { kind: 'Failed', message: gone ?? 'no NodeTask was created' }
  }
  const inspection = done.map(({ status }) => status?.inspection).find((seen) => seen !== undefined)
  const left = failed ? messageOf(failed) : gone
  return {
    kind: 'Done',
    at: Math.max(...done.map(({ status }) => parseTime(status?.finishedAt) ?? 0)),
    ...(left !== undefined && { left }),
    ...(inspection && { inspection }),
  }
}

/** Checks that are specific to a remedy. */
export interface TaskChecks {
  /** The node itself has recovered, as far as the task affected it. */
  readonly nodeBack?: (c: DecisionInput, inProgress: InProgress) => Started | Ask
  /** Why it did not help although it was executed, from a later inspection. */
  readonly inVain?: (inProgress: InProgress, inspection: NodeInspection) => string | undefined
}

const BACK: Started = { since: 0 }

/** Whether the tasks of a step were executed and helped. */
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
      return { waits: answers.message, nextCheckAt: Math.min(answers.until, c.now + requeueDelay(c, inProgress)) }
    case 'Failed':
      return { outcome: 'Ineffective', message: answers.message }
    case 'NotNeeded':
      return withNodePods(c, (pods) => notNeeded(c, inProgress, answers.message, { pods, checks }))
    case 'Done':
      return withNodePods(c, (pods) => carriedOut(c, inProgress, answers, { pods, checks }))
  }
}

interface Seen {
  readonly pods: readonly Pod[]
  readonly checks: TaskChecks
}

/** The agent found nothing to do: the failure recovered by itself, or this remedy does not apply. */
const notNeeded = (c: DecisionInput, inProgress: InProgress, message: string, { pods, checks }: Seen): Progress => {
  const node = checks.nodeBack?.(c, inProgress) ?? BACK
  if ('ask' in node) return node
  const recovered = 'lacks' in node ? node : podsRecovered(inProgress.step.pods, pods)
  return 'lacks' in recovered
    ? { outcome: 'Ineffective', message: `${message}, but ${recovered.lacks}` }
    : { outcome: 'Succeeded', reason: 'Recovered', message: `it recovered by itself: ${message}` }
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

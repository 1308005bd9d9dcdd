/**
 * What the agent of a node found about the sandboxes of pods. Of a dead sandbox the kubelet's status shows only that the pod has
 * none, as with an unknown network; the rest is known from Events, which a tenant can write as well. Pure.
 */
import type { NodeTask } from '../../api/kinds.ts'
import { type Ask, askFor, type DecisionInput, type Matched, nodeCauseOf } from '../../model/decision-input.ts'
import type { NodeCause } from '../../model/causes.ts'
import { triedSteps } from '../../model/remediation-state.ts'

export const isSandboxCause = (cause: NodeCause): boolean => cause === 'SandboxStale' || cause === 'SandboxNameConflict'

/** Names of the tasks of the last attempt: an earlier one is no evidence about now. */
const lastTasks = (c: DecisionInput): readonly string[] => {
  const tried = triedSteps(c).map(({ step }) => step)
  const last = Math.max(...tried.map(({ attempt }) => attempt))
  return tried.flatMap(({ attempt, node }) => (attempt === last ? (node?.tasks ?? []) : []))
}

/** For a cause of dead sandboxes: asks for the agent's answers to the tasks of the last attempt. */
export const askForAnswers = (c: DecisionInput): Ask | undefined => {
  const cause = nodeCauseOf(c)
  const names = cause !== undefined && isSandboxCause(cause) ? lastTasks(c) : []
  return names.length === 0 ? undefined : askFor(c.facts, [{ fact: 'agentTasks', names }])
}

/** A dead sandbox of the pod was found; or none was, with the agent's sentence; undefined if the agent did not say. */
export type SandboxOf = { readonly kind: 'Dead' } | { readonly kind: 'None'; readonly says: string } | undefined

const answerOn = (podUid: string, { spec, status }: NodeTask): SandboxOf => {
  const { recycleSandbox, restartRuntime } = spec
  // An agent restarts a runtime only if it sees a dead sandbox of one of the pods.
  if (restartRuntime !== undefined) {
    const began = status?.before !== undefined && status.phase !== 'Refused'
    return began && restartRuntime.podUids?.includes(podUid) ? { kind: 'Dead' } : undefined
  }
  if (recycleSandbox?.podUid !== podUid || status === undefined) return undefined
  const { reason = '', message = '', before } = status
  if (['NotNeeded', 'SandboxInUse', 'AlreadyDone'].includes(reason)) return { kind: 'None', says: message }
  return before?.sandboxes?.length ? { kind: 'Dead' } : undefined
}

/** By the answers to the tasks of the last attempt; that a sandbox is dead outweighs that another task found none. */
export const sandboxOf =
  ({ facts: { agentTasks } }: DecisionInput) =>
  ({ failing: { pod } }: Matched): SandboxOf => {
    const tasks = agentTasks?.known ? agentTasks.value : []
    const answers = tasks.map((task) => answerOn(pod.metadata.uid, task))
    return answers.find((answer) => answer?.kind === 'Dead') ?? answers.find((answer) => answer !== undefined)
  }

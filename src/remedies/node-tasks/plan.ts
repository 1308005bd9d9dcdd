/** Names of NodeTasks, derived from the plan's hash so that each is created once. */
import type { RemediationStep } from '../../api/remediation.ts'
import { type Ask, askFor, type DecisionInput } from '../../model/decision-input.ts'
import type { NodeVerb } from '../../model/node-tasks.ts'
import type { NodePlan, NodeTaskRequest } from '../../model/plan.ts'
import type { PureRemedy } from '../remedy.ts'

export interface TaskPlan extends NodePlan {
  readonly tasks: readonly NodeTaskRequest[]
}

export const taskNames = (verb: NodeVerb, hash: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${verb.toLowerCase()}-${hash.slice(0, 12)}-${i}`)

const renamed = (tasks: readonly NodeTaskRequest[], hash: string): readonly NodeTaskRequest[] =>
  tasks.map(({ spec }, i) => ({ spec, name: taskNames(spec.verb, hash, i + 1).at(-1) ?? '' }))

export const tasksUnderHash = <P extends TaskPlan>(plan: P, hash: string): P => ({
  ...plan,
  hash,
  tasks: renamed(plan.tasks, hash),
})

/** Names of the tasks of a recorded step that exist: these were created. */
export const tasksThere = (
  { facts }: DecisionInput,
  { node }: RemediationStep,
): Set<string> | Ask | { readonly unseen: string } => {
  const names = node?.tasks ?? []
  const ask = askFor(facts, [{ fact: 'tasks', names }])
  if (ask) return ask
  const { tasks } = facts
  if (!tasks?.known) return { unseen: tasks?.why ?? 'the NodeTasks were not read' }
  return new Set(tasks.value.map(({ metadata }) => metadata.name).filter((name) => names.includes(name)))
}

/** The Event of every remedy that creates NodeTasks. */
export const TASK_EVENT: PureRemedy['event'] = {
  reason: 'NodeTaskCreated',
  type: 'Normal',
  meaning: 'A task was created for the agent of a node.',
}

export const TASK_WRITTEN = {
  written: 'the NodeTask was created',
  awaited: 'the agent to execute it and the pods to recover',
} as const

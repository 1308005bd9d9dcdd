import type { NodeInspection, NodeTaskSpec, NodeTaskStatus } from '../../api/node-task.ts'
import type { TaskPhase, TaskReason } from '../../api/node-verbs.ts'

/** What was there before the act; written with the intent. */
export type TaskBefore = NonNullable<NodeTaskStatus['before']>

/** The final answer to a task. */
export interface Answer {
  readonly phase: Exclude<TaskPhase, 'Running'>
  readonly reason: TaskReason
  /** A sentence for a person, at most 1,024 characters. */
  readonly message: string
  readonly inspection?: NodeInspection
}

/** One verb of the closed list. What it needs of the node was given to its factory. */
export interface Verb {
  /** Looks, and writes nothing: what is there now, or at once the answer where the order is refused. */
  readonly before: (spec: NodeTaskSpec) => Promise<TaskBefore | Answer>
  /** Acts. `deadline` is in ms since the epoch. */
  readonly run: (spec: NodeTaskSpec, before: TaskBefore, deadline: number) => Promise<Answer>
  /** After a restart of the agent: what became of it, or `again` where it was not done. */
  readonly found: (spec: NodeTaskSpec, before: TaskBefore) => Promise<Answer | 'again'>
}

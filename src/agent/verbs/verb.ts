import type { NodeInspection, NodeTaskSpec, NodeTaskStatus } from '../../api/node-task.ts'
import type { TaskPhase, TaskReason } from '../../model/node-tasks.ts'
import type { Clock } from '../../runtime/clock.ts'

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
  /** Inspects without writing: returns the current state, or the refusal of the task. */
  readonly prepare: (spec: NodeTaskSpec) => Promise<TaskBefore | Answer>
  /** Acts. `deadline` is in ms since the epoch. */
  readonly run: (spec: NodeTaskSpec, before: TaskBefore, deadline: number) => Promise<Answer>
  /** After a restart of the agent: what became of it, or `again` where it was not done. */
  readonly recover: (spec: NodeTaskSpec, before: TaskBefore) => Promise<Answer | 'again'>
}

/** Of the runtime's and of systemd's own words, as much as a person needs. */
const MAX_ERROR_LENGTH = 300

/** What an error and its causes say, in one line and shortened: it may come from outside. */
export const shortError = (error: unknown): string => {
  const parts: string[] = []
  for (let at = error; at instanceof Error && parts.length < 5; at = at.cause) parts.push(at.message)
  const line = (parts.join(': ') || String(error)).replaceAll(/\s+/g, ' ')
  return line.length <= MAX_ERROR_LENGTH ? line : `${line.slice(0, MAX_ERROR_LENGTH - 1)}…`
}

export const refused = (reason: TaskReason, message: string): Answer => ({ phase: 'Refused', reason, message })

export const failed = (reason: TaskReason, message: string, inspection?: NodeInspection): Answer => ({
  phase: 'Failed',
  reason,
  message,
  ...(inspection && { inspection }),
})

export const succeeded = (reason: 'Done' | 'AlreadyDone', message: string, inspection?: NodeInspection): Answer => ({
  phase: 'Succeeded',
  reason,
  message,
  ...(inspection && { inspection }),
})

/** A verb that is switched on and lacks what it would look at: refused, for unknown holds. `why` is a sentence's part. */
export const createUnavailable = (why: string): Verb => ({
  prepare: async () => refused('ProbeFailed', why),
  run: async () => refused('ProbeFailed', why),
  // Its predecessor may have been allowed more.
  recover: async () => failed('Interrupted', `begun, then interrupted: its result is unknown, because of ${why}`),
})

/** The deadline of the task passed before it was completed. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed'
}

/** What a promise resolves to, unless the deadline (ms since the epoch) passes first: DeadlinePassed, naming what was done. */
export const within = <Result>(
  { clock, deadline, doing }: { readonly clock: Clock; readonly deadline: number; readonly doing: string },
  run: () => Promise<Result>,
): Promise<Result> =>
  new Promise((resolve, reject) => {
    const left = deadline - clock.now()
    const late = () => reject(new DeadlinePassed(`the deadline passed while ${doing}`))
    if (left <= 0) return late()
    const cancel = clock.setTimeout(late, left)
    run().then(resolve, reject).finally(cancel)
  })

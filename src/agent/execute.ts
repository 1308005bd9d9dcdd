/** The life of one task: refused, or its intent written, the act, its answer. Never throws. */
import type { NodeTask } from '../api/kinds.ts'
import type { NodeTaskStatus } from '../api/node-task.ts'
import type { NodeVerb } from '../model/node-tasks.ts'
import { sleep } from '../runtime/clock.ts'
import type { Identity } from './identity.ts'
import { type TaskStatusDeps, writeStatus } from './task-status.ts'
import { type Answer, failed, refused, shortError, type TaskBefore, type Verb } from './verbs/verb.ts'

export interface ExecuteDeps extends TaskStatusDeps {
  /** Reread for each task: a recreated node has another uid, which new tokens contain. */
  readonly identity: () => Promise<Identity>
  /** Those that are switched on. */
  readonly verbs: Readonly<Partial<Record<NodeVerb, Verb>>>
}

/** How long an answer is tried to be written after the deadline: by then the controller has given the task up. */
const WRITE_LATE_MS = 10 * 60_000
/** Verbs mind the deadline themselves; one that does not is given up so long after it. */
const GRACE_MS = 5_000
/** What was seen before the intent was written is old when writing took longer. */
const FRESH_MS = 10_000
/** After a reboot the runtime and the bus may come up after the agent. */
const RECOVERY = { tries: 5, everyMs: 2_000, mostMs: 60_000 }
const MAX_MESSAGE = 1_024
/** So far may the node's clock be behind the API server's: by a slower one, deadlines pass unseen. */
const MAX_CLOCK_LAG_MS = 60_000

const isAnswer = (found: TaskBefore | Answer): found is Answer => 'phase' in found

/** A merge patch leaves what it does not name: an intent that is written again must not keep parts of the last one. */
const replacing = (before: TaskBefore): TaskBefore => {
  const nothing: Readonly<Record<keyof TaskBefore, null>> = { bootId: null, invocationId: null, sandboxes: null }
  return { ...nothing, ...before } as TaskBefore
}

/** Why a task is not for this agent, or not any more. */
const refusal = (
  { spec, metadata: { creationTimestamp = '' } }: NodeTask,
  now: number,
  { nodeName, nodeUid }: Identity,
  { verbs }: ExecuteDeps,
): Answer | undefined => {
  if (spec.nodeUid !== nodeUid) {
    return refused('OtherNode', `this is node ${nodeName} with uid ${nodeUid}, not ${spec.nodeUid}`)
  }
  if (!(now < Date.parse(spec.deadline))) {
    return refused(
      'DeadlinePassed',
      `the task had to start by ${spec.deadline}; it is now ${new Date(now).toISOString()}`,
    )
  }
  if (!verbs[spec.verb]) return refused('VerbNotAllowed', `${spec.verb} is not enabled for this agent`)
  const behindMs = Date.parse(creationTimestamp) - now
  // An inspection is always allowed.
  if (spec.verb !== 'Inspect' && behindMs > MAX_CLOCK_LAG_MS) {
    const seconds = Math.round(behindMs / 1_000)
    return refused(
      'ProbeFailed',
      `the clock of this node is at least ${seconds} s behind the API server's, so the agent cannot tell whether the deadline has passed`,
    )
  }
  return undefined
}

/** What `run` comes to; `late` where that takes too long. */
const withTimeout = async <Result>(
  { clock }: ExecuteDeps,
  ms: number,
  late: Answer,
  run: () => Promise<Result>,
): Promise<Result | Answer> => {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const cancel = clock.setTimeout(() => resolve(late), ms)
  return Promise.race([run(), promise]).finally(cancel)
}

/** What became of a task that an agent had begun when it was ended. */
const recoverTask = async (task: NodeTask, verb: Verb | undefined, deps: ExecuteDeps): Promise<Answer | 'again'> => {
  const { clock } = deps
  const { spec } = task
  const interrupted = (why: string): Answer => failed('Interrupted', `the task was interrupted: ${why}`)
  if (!verb) return interrupted(`${spec.verb} is no longer enabled, so its result was not checked`)
  const late = interrupted('its result could not be determined in time')
  const most = Math.max(Date.parse(spec.deadline) - clock.now(), RECOVERY.mostMs) + GRACE_MS
  for (let tries = 1; ; tries += 1) {
    try {
      const found = await withTimeout(deps, most, late, () => verb.recover(spec, task.status?.before ?? {}))
      const passed = clock.now() >= Date.parse(spec.deadline)
      return found === 'again' && passed ? interrupted('the action was not taken, and its deadline has passed') : found
    } catch (error) {
      if (tries === RECOVERY.tries) return interrupted(`its result is unknown: ${shortError(error)}`)
    }
    await sleep(clock, RECOVERY.everyMs)
  }
}

export const execute = async (given: NodeTask, deps: ExecuteDeps): Promise<void> => {
  const { clock } = deps
  const { spec } = given
  const deadline = Date.parse(spec.deadline)
  const at = (): string => new Date(clock.now()).toISOString()
  const startedAt = given.status?.startedAt ?? at()
  const identity = await deps.identity()
  const verb = deps.verbs[spec.verb]
  let task = given

  const write = async (status: NodeTaskStatus, until: number): Promise<boolean> => {
    const written = await writeStatus(task, { ...status, startedAt }, until, deps)
    if (written) task = written
    return written !== undefined
  }
  const answer = async ({ phase, reason, message, inspection }: Answer): Promise<void> => {
    const said = { phase, reason, message: message.slice(0, MAX_MESSAGE), finishedAt: at() }
    const until = Math.max(deadline, clock.now()) + WRITE_LATE_MS
    await write({ ...said, ...(inspection !== undefined && { inspection }) }, until)
  }

  if (given.status?.phase === 'Running' && spec.nodeUid === identity.nodeUid) {
    const found = await recoverTask(given, verb, deps)
    if (found !== 'again') return answer(found)
  }
  const left = (): number => deadline + GRACE_MS - clock.now()
  for (;;) {
    const no = refusal(task, clock.now(), identity, deps)
    if (no || !verb) return answer(no ?? refused('VerbNotAllowed', `${spec.verb} is unknown here`))
    const unseen = refused('ProbeFailed', 'the node could not be inspected before the deadline; nothing was done')
    const before = await withTimeout(deps, left(), unseen, () => verb.prepare(spec)).catch((error: unknown) =>
      refused('ProbeFailed', shortError(error)),
    )
    if (isAnswer(before)) return answer(before)
    const from = clock.monotonic()
    const message = `started by ${identity.podName}`
    const intent = { phase: 'Running', reason: 'Accepted', message, before: replacing(before) } as const
    const isWritten = await write(intent, deadline)
    if (clock.now() >= deadline) continue
    if (!isWritten) return
    if (clock.monotonic() - from > FRESH_MS) continue
    const late = failed('TimedOut', 'the action did not finish before its deadline; its result is unknown')
    const run = () => verb.run(spec, before, deadline).catch((error: unknown) => failed('Error', shortError(error)))
    return answer(await withTimeout(deps, left(), late, run))
  }
}

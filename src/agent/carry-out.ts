/** The life of one task: refused, or its intent written, the act, its answer. Never throws. */
import type { NodeTaskStatus } from '../api/node-task.ts'
import type { NodeVerb, TaskReason } from '../api/node-verbs.ts'
import type { NodeTask } from '../api/objects.ts'
import { type AnswerDeps, writeStatus } from './answer.ts'
import type { Identity } from './identity.ts'
import type { Answer, TaskBefore, Verb } from './verbs/verb.ts'

export interface CarryOutDeps extends AnswerDeps {
  readonly identity: Identity
  /** Those that are switched on. */
  readonly verbs: Readonly<Partial<Record<NodeVerb, Verb>>>
}

/** How long an answer is tried to be written after the deadline: by then the controller has given the task up. */
const LATE_MS = 10 * 60_000
/** The deadline of a verb that never comes back by itself. */
const GRACE_MS = 5_000
const MAX_MESSAGE = 1_024

const failed = (reason: TaskReason, message: string): Answer => ({ phase: 'Failed', reason, message })
const refused = (reason: TaskReason, message: string): Answer => ({ phase: 'Refused', reason, message })

const sentence = (error: unknown): string => {
  const parts: string[] = []
  for (let at = error; at instanceof Error && parts.length < 4; at = at.cause) parts.push(at.message)
  return parts.join(': ') || String(error)
}

const isAnswer = (found: TaskBefore | Answer): found is Answer => 'phase' in found

/** Why a task is not for this agent, or not any more. */
const refusal = ({ spec }: NodeTask, now: number, { identity, verbs }: CarryOutDeps): Answer | undefined => {
  if (spec.nodeUid !== identity.nodeUid) {
    return refused('OtherNode', `this is node ${identity.nodeName} with uid ${identity.nodeUid}, not ${spec.nodeUid}`)
  }
  if (!(now < Date.parse(spec.deadline))) {
    return refused('DeadlinePassed', `it was to be begun by ${spec.deadline}; it is ${new Date(now).toISOString()}`)
  }
  if (!verbs[spec.verb]) {
    return refused('VerbNotAllowed', `${spec.verb} is not switched on for this agent (--verbs)`)
  }
  return undefined
}

/** A verb that hangs is given up: it holds the node for nobody else. */
const within = async (ms: number, { clock }: CarryOutDeps, run: () => Promise<Answer>): Promise<Answer> => {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const cancel = clock.setTimeout(
    () => resolve(failed('TimedOut', 'it was not done by its deadline; what became of it is unknown')),
    ms,
  )
  const ran = run().catch((error: unknown) => failed('Error', sentence(error)))
  return Promise.race([ran, promise]).finally(cancel)
}

export const carryOut = async (given: NodeTask, deps: CarryOutDeps): Promise<void> => {
  const { clock } = deps
  const { spec } = given
  const deadline = Date.parse(spec.deadline)
  const until = deadline + LATE_MS
  let task = given

  const write = async (status: NodeTaskStatus): Promise<boolean> => {
    const written = await writeStatus(task, status, Math.max(until, clock.now() + 60_000), deps)
    if (written) task = written
    return written !== undefined
  }
  const at = (): string => new Date(clock.now()).toISOString()
  const answer = ({ phase, reason, message, inspection }: Answer): Promise<boolean> =>
    write({
      phase,
      reason,
      message: message.slice(0, MAX_MESSAGE),
      finishedAt: at(),
      ...(task.status?.startedAt === undefined && { startedAt: at() }),
      ...(inspection !== undefined && { inspection }),
    })

  const verb = deps.verbs[spec.verb]
  const begun = task.status?.phase === 'Running'
  if (begun && verb && spec.nodeUid === deps.identity.nodeUid) {
    const found = await verb
      .found(spec, task.status?.before ?? {})
      .catch((error: unknown) =>
        failed('Interrupted', `begun, then interrupted; what became of it: ${sentence(error)}`),
      )
    if (found !== 'again') return void (await answer(found))
    if (clock.now() >= deadline) {
      const message = 'begun, then interrupted before it was done, and found again after its deadline: not done'
      return void (await answer(failed('Interrupted', message)))
    }
  }
  const no = refusal(task, clock.now(), deps)
  if (no || !verb) return void (await answer(no ?? refused('VerbNotAllowed', `${spec.verb} is unknown here`)))

  const before = await verb.before(spec).catch((error: unknown) => refused('CannotSee', sentence(error)))
  if (isAnswer(before)) return void (await answer(before))
  const intent = { phase: 'Running', reason: 'Accepted', message: `begun by ${deps.identity.podName}`, before } as const
  if (!(await write({ ...intent, startedAt: at() }))) return
  await answer(await within(deadline + GRACE_MS - clock.now(), deps, () => verb.run(spec, before, deadline)))
}

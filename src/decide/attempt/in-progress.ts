/**
 * The decision on an attempt in progress: `verify` whether it helped, or `resume` it.
 *
 * Succeeded requires running pods; Ineffective requires the timeout or a definite result. If the record has an intent
 * without an outcome, because the process ended in between, the intent is a memory, not a warrant: the step continues only
 * if it would be planned again today, by the whole decision.
 */
import { type DecisionInput, LATER, nodeCauseOf, type PolicyInForce } from '../../model/decision-input.ts'
import { formatDuration, parseDuration, parseTime } from '../../model/duration.ts'
import { incidentId } from '../../model/incident.ts'
import type { Plan, Verdict, VerdictOf } from '../../model/plan.ts'
import {
  attemptInProgress,
  type InProgress,
  isUndo,
  policyOf,
  policyOfStep,
  policyRefOf,
} from '../../model/remediation-state.ts'
import { MAX_SKEW_MS } from '../../model/seen.ts'
import { remedyOf } from '../../remedies/list.ts'
import { nameOfOwner } from '../../remedies/pod-template.ts'
import { type Ended, type LeftOver, requeueDelay, UNWRITTEN } from '../../remedies/remedy.ts'
import { judge, nextOf } from '../decide-anew.ts'
import { afterIneffective, resumeUndo } from './undo.ts'

const DEFAULT_TIMEOUT = 5 * 60_000

/** When the timeout of the remedy ends, ms since the epoch. Never, if the record has no time. */
const deadlineOf = (c: DecisionInput, { record, step }: InProgress): number => {
  const began =
    parseTime(step.actedAt) ?? parseTime(step.intendedAt) ?? parseTime(record.metadata.creationTimestamp) ?? c.now
  const timeout = policyOf(c, record)?.spec.actions[step.index]?.timeout
  return began + (timeout === undefined ? DEFAULT_TIMEOUT : parseDuration(timeout))
}

const waiting = (message: string, requeueAt: number): Verdict => ({
  kind: 'Verify',
  outcome: 'Waiting',
  reason: 'Verifying',
  message,
  requeueAt,
})

const ended = (c: DecisionInput, inProgress: InProgress, end: Ended): Verdict =>
  end.outcome === 'Ineffective'
    ? afterIneffective(c, inProgress, end.message)
    : { kind: 'Verify', ...end, requeueAt: c.now }

export const verify = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { owner } = c.incident
  const cancelled = (reason: string, message: string) => ended(c, inProgress, { outcome: 'Cancelled', reason, message })
  if (owner.gone) return cancelled('OwnerGone', `${nameOfOwner(owner)} is gone`)
  if (owner.replicas === 0) {
    const written = writtenBefore(c, inProgress)
    if (written) return written
    const what = owner.ref.kind === 'Job' ? 'suspended or set to run no pods' : 'scaled to zero'
    return cancelled('ScaledToZero', `${nameOfOwner(owner)} was ${what}`)
  }
  if (isUndo(inProgress.step) && nodeCauseOf(c) === undefined) return resumeUndo(c, inProgress)
  const resumed = inProgress.step.state === 'Intended' ? resume(c, inProgress) : 'Written'
  return resumed === 'Written' ? verifyWritten(c, inProgress) : resumed
}

/** What a begun step wrote before the process ended is recorded first, also where it no longer matters. */
const writtenBefore = (c: DecisionInput, inProgress: InProgress): Verdict | undefined => {
  if (inProgress.step.state !== 'Intended' || isUndo(inProgress.step)) return undefined
  const resumed = resume(c, inProgress)
  if (resumed === 'Written') return waiting('the write had taken effect', c.now)
  const asksOrWrote = resumed.kind === 'Ask' || (resumed.kind === 'Verify' && resumed.outcome === 'Waiting')
  return asksOrWrote ? resumed : undefined
}

const verifyWritten = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const progress = remedyOf(inProgress.step.action).verify(c, inProgress)
  if ('ask' in progress) return { kind: 'Ask', facts: progress.ask }
  if ('outcome' in progress) return ended(c, inProgress, progress)
  if ('waits' in progress) return waiting(progress.waits, progress.nextCheckAt)
  const deadline = deadlineOf(c, inProgress)
  if ('lacks' in progress) {
    const { lacks, nextCheckAt = c.now + requeueDelay(c, inProgress), atDeadline } = progress
    return c.now < deadline
      ? waiting(lacks, Math.min(deadline, nextCheckAt))
      : ended(c, inProgress, atDeadline ?? { outcome: 'Ineffective', message: lacks })
  }
  // Everything runs, and must stay so for the stabilization window, even beyond the timeout.
  const { since, recovered, unstable } = progress
  const { stabilizationMs } = c.operator
  // A start in the future is that of a clock that is wrong; the deadline then decides.
  const stable = since > c.now + MAX_SKEW_MS ? deadline : since + stabilizationMs
  const message = `${recovered} for ${formatDuration(stabilizationMs)}`
  if (c.now >= stable) return ended(c, inProgress, { outcome: 'Succeeded', reason: 'Repaired', message })
  return unstable === undefined || c.now < deadline + stabilizationMs
    ? waiting(`waiting until ${message}`, stable)
    : afterIneffective(c, inProgress, unstable)
}

/**
 * Longer than it takes another leader to take over (15 s), and than a restart in back-off (5 min). To decide anew costs an
 * older intent nothing.
 */
const MAX_AGE_MS = 10 * 60_000

/** Continues a begun step, or reports that all of it was written. */
const resume = (c: DecisionInput, inProgress: InProgress): Verdict | 'Written' => {
  const { record, step } = inProgress
  const left = remedyOf(step.action).resume(c, inProgress)
  if (left === 'Written' || 'kind' in left) return left
  if ('ask' in left) return { kind: 'Ask', facts: left.ask }
  const policy = policyRefOf(record)
  if ('unseen' in left) {
    const message = `started; what is left to do is unknown: ${left.unseen}`
    const { diagnosis } = c
    return { kind: 'Hold', policy, reason: 'FactUnknown', message, requeueAt: c.now + LATER, diagnosis }
  }
  if (left.written && left.complete) return 'Written'
  const age = c.now - (parseTime(step.intendedAt) ?? 0)
  if (!left.written && age > MAX_AGE_MS) {
    return withdrawn(c, left, `the intent is older than ${formatDuration(MAX_AGE_MS)}`)
  }
  const before = beforeIntent(left.before ?? c, inProgress)
  const next = nextOf(before)
  if (!('kind' in next) && 'plan' in next.planned) {
    const plan = restOf(inProgress, left, next.applicable.policy, next.planned.plan)
    if (plan) return afterAll(c, inProgress, left, judge(before, { ...next, planned: { plan } }))
    return withdrawn(
      c,
      left,
      `today's plan is another one: ${remedyOf(next.planned.plan.type).text.plan(next.planned.plan)}`,
    )
  }
  return afterAll(c, inProgress, left, 'kind' in next ? next : judge(before, next))
}

/** What today's decision means for the step. */
const afterAll = (
  c: DecisionInput,
  { record, step }: InProgress,
  left: LeftOver,
  today: VerdictOf<'Ask' | 'Ignore' | 'Hold' | 'Act'>,
): Verdict => {
  const policy = policyRefOf(record)
  switch (today.kind) {
    case 'Ask':
      return today
    case 'Act':
      return { ...today, policy, attempt: step.attempt, resume: true, ...(left.written && { partly: true }) }
    case 'Hold': {
      const { reason, message } = today
      if (today.ends !== undefined || reason === 'AlreadyRecovered') return withdrawn(c, left, message)
      return { ...today, policy, message: `started but not ${left.written ? 'completed' : 'written'}: ${message}` }
    }
    case 'Ignore':
      return withdrawn(c, left, today.why)
  }
}

/**
 * The plan of a step whose intent was just recorded, if it would still be planned; nothing of it was written yet, and no
 * facts are read for this. Else the step is left to `resume`, which reads them.
 */
export const confirm = (c: DecisionInput): Plan | undefined => {
  const inProgress = attemptInProgress(c)
  if (!inProgress) return undefined
  const before = beforeIntent(c, inProgress)
  const next = nextOf(before)
  if ('kind' in next || !('plan' in next.planned)) return undefined
  const plan = restOf(inProgress, UNWRITTEN, next.applicable.policy, next.planned.plan)
  return plan && judge(before, next).kind === 'Act' ? plan : undefined
}

/** The rest of the recorded step, if today's plan is the same action of the same policy; undefined if it is another one. */
const restOf = (
  { record, step }: InProgress,
  { rest }: LeftOver,
  { uid, generation }: PolicyInForce,
  today: Plan,
): Plan | undefined => {
  const by = policyOfStep(record, step)
  const same =
    today.type === step.action && today.index === step.index && uid === by.uid && generation === by.generation
  const plan = same ? rest(today) : undefined
  return plan?.hash === step.planHash ? plan : undefined
}

/** As it was decided on at first: this step counts neither as an attempt nor as in progress. */
const beforeIntent = (c: DecisionInput, { record, step }: InProgress): DecisionInput => {
  const { status } = record
  const { owner, area } = c.incident
  const id = incidentId(owner.ref, area)
  const at = parseTime(step.intendedAt)
  // The proposal stays: it is what was approved.
  const steps = (status?.steps ?? []).map((one) => (one === step ? { ...one, state: 'Planned' as const } : one))
  const earlier = { ...record, status: { ...status, phase: 'Held' as const, steps } }
  return {
    ...c,
    records: c.records.map((one) => (one === record ? earlier : one)),
    attempts: c.attempts.filter((attempt) => attempt.incident !== id || attempt.at !== at),
  }
}

/** Nothing was written: the step is withdrawn and does not count. Otherwise what was written is verified without the rest. */
const withdrawn = (c: DecisionInput, { written, kept }: LeftOver, why: string): VerdictOf<'Verify'> => ({
  kind: 'Verify',
  ...(written
    ? { outcome: 'Waiting', reason: 'Verifying', message: `partly written; the rest is not: ${why}`, kept: kept ?? {} }
    : { outcome: 'Withdrawn', reason: 'Withdrawn', message: `started but not written, and withdrawn: ${why}` }),
  requeueAt: c.now,
})

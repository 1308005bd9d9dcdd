/**
 * The life cycle of a record as a pure function from the current status and a change to the next status. Returns the same
 * object if nothing needs to be written.
 */
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { linkOf } from '../decide/guardrails/chain.ts'
import { isoTime } from '../model/duration.ts'
import type { Outcome, Plan, VerdictOf } from '../model/plan.ts'
import { clip, printable } from '../model/printable.ts'
import { isOpen, isUndo, isUnfinished, lastBegun } from '../model/remediation-state.ts'
import type { Reason } from './events.ts'
import { acted, verified } from './status-after-act.ts'
import {
  learned,
  put,
  type StatusCondition,
  stepOf,
  withCondition,
  withLast,
  withoutProposal,
  withStep,
} from './status-fields.ts'

/** The observation of an incident; part of every write. */
export interface Observation {
  readonly failingPods: number
  /** ms since the epoch at which the first of them began to fail. */
  readonly firstSeen?: number | undefined
}

/** Possible changes of a record. Times are ms since the epoch. */
export type Change =
  | { readonly kind: 'Held'; readonly verdict: VerdictOf<'Hold'> }
  | { readonly kind: 'Intended'; readonly verdict: VerdictOf<'Act'> }
  | { readonly kind: 'UndoIntended'; readonly plan: Plan }
  /**
   * `partly`: a part of the step had been written before. `hasNext`: the policy's next action follows if this
   * one was refused or undone.
   */
  | {
      readonly kind: 'Acted'
      readonly outcome: Outcome
      readonly hasNext?: boolean | undefined
      readonly partly?: true | undefined
    }
  | {
      readonly kind: 'Verified'
      readonly verdict: VerdictOf<'Verify'>
      /** Digests of the running images by container, if the kubelet reports them. */
      readonly digests?: Readonly<Record<string, string>>
    }
  /** Nothing is left to do: the incident recovered, its owner is gone, or its approval was denied. */
  | { readonly kind: 'Closed'; readonly reason: Reason; readonly message: string }

export type StatusChange = Change & { readonly at: number; readonly observed?: Observation }

const changed = (before: RemediationStatus, change: StatusChange): RemediationStatus => {
  switch (change.kind) {
    case 'Held':
      return held(before, change.at, change.verdict)
    case 'Intended':
      return intended(before, change.at, change.verdict)
    case 'UndoIntended':
      return undoIntended(before, change.at, change.plan)
    case 'Acted':
      return acted(before, change)
    case 'Verified':
      return verified(before, change)
    case 'Closed':
      return closed(before, change.at, change.reason, change.message)
  }
}

/** The next status of a record; a finished one never changes. Times in `change` are ms since the epoch. */
export const nextStatus = (before: RemediationStatus, change: StatusChange): RemediationStatus => {
  const after = isOpen({ status: before }) ? changed(before, change) : before
  return after === before ? before : sealed(after, change)
}

/** The last step of every change: adds the observation, truncates texts, sets conditions. */
const sealed = (after: RemediationStatus, { at, observed }: StatusChange): RemediationStatus => {
  const { phase, reason = 'Unknown', message = '', finishedAt } = after
  const conditions: readonly StatusCondition[] = after.conditions ?? []
  const finished = finishedAt !== undefined
  const succeeded = phase === 'Succeeded' ? 'True' : finished ? 'False' : 'Unknown'
  const say = { reason, message }
  const seen = observed?.firstSeen === undefined ? undefined : isoTime(observed.firstSeen)
  return put(after, {
    message: clip(message, 4_096),
    conditions: withCondition(
      withCondition(conditions, { type: 'Finished', status: finished ? 'True' : 'False', ...say }, at),
      { type: 'Succeeded', status: succeeded, ...say },
      at,
    ),
    firstSeen: after.firstSeen ?? seen,
    ...(observed && { failingPods: observed.failingPods }),
  })
}

// Changes before the first write: held, intended, or closed because nothing is left to do.

const MAX_ATTEMPTS = 100
/** A hold is rewritten from time to time even without a change, so that its next check does not lie in the past. */
const NEXT_CHECK_REFRESH_MS = 3_600_000

const planned = (plan: Plan | undefined): Partial<RemediationStatus> => ({
  action: plan?.type,
  planHash: plan?.hash,
})

const overdue = ({ nextCheckTime }: RemediationStatus, at: number): boolean =>
  nextCheckTime !== undefined && Date.parse(nextCheckTime) < at - NEXT_CHECK_REFRESH_MS

/** The explanations of a failed pull, without their sentences, which may vary between checks. */
const explainedAs = ({ explanations = [] }: Partial<RemediationStatus>): string =>
  explanations.map(({ kind, image = '' }) => `${kind} ${image}`).join()

/** A proposed plan can be decided on until it expires, even while another guardrail holds it. */
const deadlineOf = (before: RemediationStatus, { plan, expiresAt }: VerdictOf<'Hold'>): string | undefined => {
  if (expiresAt !== undefined) return isoTime(expiresAt)
  return plan !== undefined && plan.hash === before.planHash ? before.expiresAt : undefined
}

/** Plans of one record, of which each needs a change of its policy or workload. */
const MAX_PROPOSALS = 16

/** Remembers until when a plan may be approved: the record may propose another one before a late approval is seen. */
const withProposal = (
  before: RemediationStatus['proposals'] = [],
  planHash: string,
  expiresAt: string,
): RemediationStatus['proposals'] =>
  [...before.filter((one) => one.planHash !== planHash), { planHash, expiresAt }].slice(-MAX_PROPOSALS)

const held = (before: RemediationStatus, at: number, verdict: VerdictOf<'Hold'>): RemediationStatus => {
  const { reason, foreseen, message, plan, policy, requeueAt, expiresAt } = verdict
  if (reason === 'AlreadyRecovered') {
    return isUnfinished({ status: before }) ? before : closed(before, at, 'Recovered', message)
  }
  if (isUnfinished({ status: before })) return deferred(before, at, verdict)
  if (verdict.ends !== undefined) return rejected(before, at, verdict, verdict.ends)
  const phase = linkOf(reason).phase ?? 'Held'
  // The message about an approval changes with the decision; other messages may contain a duration that keeps changing.
  const decided = reason === 'AwaitingApproval' && before.message !== printable(message)
  const known = learned(before, verdict.diagnosis)
  const same =
    before.phase === phase &&
    before.reason === reason &&
    before.planHash === plan?.hash &&
    // Absent if an older CRD drops the field: that must not count as a change at every check.
    (before.policy === undefined || before.policy.uid === policy.uid) &&
    before.cause === known.cause &&
    before.foreseen === foreseen &&
    explainedAs(before) === explainedAs({ ...before, ...known }) &&
    !decided
  if (same && !overdue(before, at)) return before
  const kept = withoutProposal(before.steps ?? [])
  const attempt = (before.attempts?.length ?? 0) + 1
  return put(before, {
    phase,
    reason,
    foreseen,
    message,
    policy,
    ...planned(plan),
    ...known,
    steps: plan ? withStep(kept, stepOf(plan, attempt, 'Planned', policy)) : kept,
    expiresAt: deadlineOf(before, verdict),
    ...(expiresAt !== undefined &&
      plan && { proposals: withProposal(before.proposals, plan.hash, isoTime(expiresAt)) }),
    nextCheckTime: isoTime(requeueAt),
  })
}

/** Keeps the rejected proposal on the record. */
const rejected = (
  before: RemediationStatus,
  at: number,
  { plan, message, policy, diagnosis }: VerdictOf<'Hold'>,
  reason: 'Denied' | 'Expired',
): RemediationStatus => {
  const attempt = (before.attempts?.length ?? 0) + 1
  return put(before, {
    phase: 'Cancelled',
    reason,
    message,
    policy,
    ...planned(plan),
    ...learned(before, diagnosis),
    steps: plan
      ? withStep(before.steps ?? [], stepOf(plan, attempt, 'Planned', policy))
      : withoutProposal(before.steps ?? []),
    expiresAt: undefined,
    foreseen: undefined,
    nextCheckTime: undefined,
    finishedAt: isoTime(at),
  })
}

/**
 * A begun step stays begun, or nothing would finish it; the hold explains why it does not continue. Nothing is at work
 * meanwhile, so it does not use up what policies allow at once, unless it is unknown what was written.
 */
const deferred = (before: RemediationStatus, at: number, verdict: VerdictOf<'Hold'>): RemediationStatus => {
  const { reason, message, requeueAt, expiresAt } = verdict
  const held = reason === 'AwaitingApproval' ? reason : 'Held'
  const phase = reason === 'FactUnknown' ? 'Running' : held
  if (before.reason === reason && before.phase === phase && !overdue(before, at)) return before
  const asked = expiresAt !== undefined && { expiresAt: isoTime(expiresAt) }
  return put(before, { phase, reason, message, nextCheckTime: isoTime(requeueAt), ...asked })
}

const closed = (before: RemediationStatus, at: number, reason: Reason, message: string): RemediationStatus =>
  put(before, {
    phase: 'Cancelled',
    reason,
    message,
    steps: withoutProposal(before.steps ?? []),
    expiresAt: undefined,
    foreseen: undefined,
    nextCheckTime: undefined,
    finishedAt: isoTime(at),
  })

/** `since` is when the intent was first recorded. */
const running = (before: RemediationStatus, since: string, step: RemediationStep, message: string): RemediationStatus =>
  put(before, {
    phase: 'Running',
    reason: 'Acting',
    message,
    action: step.action,
    planHash: step.planHash,
    steps: withStep(before.steps ?? [], { ...step, intendedAt: since }),
    startedAt: before.startedAt ?? since,
    expiresAt: undefined,
    foreseen: undefined,
    nextCheckTime: undefined,
  })

/** An attempt is one pass through the actions of a policy; an escalation does not begin a new one. */
const intended = (before: RemediationStatus, at: number, verdict: VerdictOf<'Act'>): RemediationStatus => {
  const { plan, policy, attempt, resume } = verdict
  const steps = before.steps ?? []
  const last = lastBegun(steps)
  const message = `carrying out ${plan.type} on ${plan.target.kind} ${plan.target.name}`
  const next = { ...before, ...learned(before, verdict.diagnosis) }
  if (resume && last?.state === 'Intended') {
    const step = stepOf(plan, attempt, 'Intended', last.policy)
    const recorded = new Set(last.pods?.map(({ uid }) => uid))
    const isNamed = (step.pods ?? []).every(({ uid }) => recorded.has(uid))
    if (isNamed && before.phase === 'Running') return before
    return put(before, {
      phase: 'Running',
      reason: 'Acting',
      message,
      expiresAt: undefined,
      nextCheckTime: undefined,
      // Nothing may be written to a pod that the record does not name.
      ...(!isNamed && { steps: withLast(steps, { ...step, intendedAt: last.intendedAt }) }),
    })
  }
  const attempts = before.attempts ?? []
  const counted = resume || last?.attempt === attempt ? attempts : [...attempts, isoTime(at)].slice(-MAX_ATTEMPTS)
  return put(running(next, isoTime(at), stepOf(plan, attempt, 'Intended', policy), message), {
    policy,
    attempts: counted,
  })
}

const undoIntended = (before: RemediationStatus, at: number, plan: Plan): RemediationStatus => {
  const steps = before.steps ?? []
  const last = lastBegun(steps)
  if (last?.state === 'Intended' && isUndo(last)) return before
  const judged = last && (last.state === 'Intended' || last.state === 'Done')
  const ended = judged ? withLast(steps, { state: 'Ineffective', finishedAt: isoTime(at) }) : steps
  const message = `restoring the previous image in ${plan.target.kind} ${plan.target.name}`
  return running(
    { ...before, steps: [...ended] },
    isoTime(at),
    stepOf(plan, last?.attempt ?? 1, 'Intended', last?.policy, 'Undo'),
    message,
  )
}

/**
 * The life of a record as a pure function: the status before, and what happened, give the status after. Where nothing
 * worth a write happened the very same object comes back.
 */
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { linkOf } from '../decide/guardrails/chain.ts'
import { isoTime } from '../model/duration.ts'
import type { Outcome, Plan, VerdictOf } from '../model/plan.ts'
import { isInProgress } from '../model/remediation-state.ts'
import type { Reason } from './reasons.ts'
import { acted, verified } from './status-after-act.ts'
import {
  clip,
  isUndo,
  knownOf,
  lastBegun,
  learned,
  put,
  type StatusCondition,
  stepOf,
  withCondition,
  withLast,
  withoutProposal,
  withStep,
} from './status-fields.ts'

/** A verified success is final: what fails afterwards gets a record of its own. */
export const isFinal = ({ phase }: RemediationStatus): boolean => phase === 'Succeeded'

/** What an incident looks like; every write carries it. */
export interface Observation {
  readonly failingPods: number
  /** ms since the epoch at which the first of them began to fail. */
  readonly firstSeen?: number | undefined
}

/** What can happen to a record. Times are ms since the epoch. */
export type Change =
  | { readonly kind: 'Held'; readonly verdict: VerdictOf<'Hold'> }
  | { readonly kind: 'Intended'; readonly verdict: VerdictOf<'Act'> }
  | { readonly kind: 'UndoIntended'; readonly plan: Plan }
  | { readonly kind: 'Acted'; readonly outcome: Outcome; readonly requeueAt?: number }
  | {
      readonly kind: 'Verified'
      readonly verdict: VerdictOf<'Verify'>
      /** Digests of the images that now run, by container, as far as the kubelet reports them. */
      readonly digests?: Readonly<Record<string, string>>
    }
  /** Nothing is left to do: it recovered, its owner is gone, its approval was denied. */
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

/** See above. Times in `change` are ms since the epoch. */
export const nextStatus = (before: RemediationStatus, change: StatusChange): RemediationStatus => {
  const after = isFinal(before) ? before : changed(before, change)
  return after === before ? before : sealed(before, after, change)
}

/** It had ended by itself and fails again: its times start again. */
const reopened = (before: RemediationStatus, after: RemediationStatus): boolean =>
  before.phase === 'Cancelled' && after.finishedAt === undefined

/** What every change ends with: the observation, texts within bounds, conditions. */
const sealed = (
  before: RemediationStatus,
  after: RemediationStatus,
  { at, observed }: StatusChange,
): RemediationStatus => {
  const { phase, reason = 'Unknown', message = '', finishedAt } = after
  const conditions: readonly StatusCondition[] = after.conditions ?? []
  const finished = finishedAt !== undefined
  const succeeded = phase === 'Succeeded' ? 'True' : finished ? 'False' : 'Unknown'
  const say = { reason, message }
  const isReopened = reopened(before, after)
  const seen = observed?.firstSeen === undefined ? undefined : isoTime(observed.firstSeen)
  return put(after, {
    message: clip(message, 4_096),
    conditions: withCondition(
      withCondition(conditions, { type: 'Finished', status: finished ? 'True' : 'False', ...say }, at),
      { type: 'Succeeded', status: succeeded, ...say },
      at,
    ),
    firstSeen: isReopened ? seen : (after.firstSeen ?? seen),
    ...(isReopened && { startedAt: phase === 'Running' ? isoTime(at) : undefined }),
    ...(observed && { failingPods: observed.failingPods }),
  })
}

// Before anything was written: held, intended, or closed because nothing is left to do.

const MAX_ATTEMPTS = 100
/** A hold whose next check keeps passing without a change is written again now and then, so that it does not look forgotten. */
const NEXT_CHECK_REFRESH_MS = 3_600_000

const planned = (plan: Plan | undefined): Partial<RemediationStatus> => ({
  action: plan?.type,
  planHash: plan?.hash,
})

const overdue = ({ nextCheckTime }: RemediationStatus, at: number): boolean =>
  nextCheckTime !== undefined && Date.parse(nextCheckTime) < at - NEXT_CHECK_REFRESH_MS

/** The explanations of why an image cannot be pulled; their sentences may contain what changes from check to check. */
const explainedAs = ({ explanations = [] }: Partial<RemediationStatus>): string =>
  explanations.map(({ kind, image = '' }) => `${kind} ${image}`).join()

/** A pause after an attempt that ended badly must not hide how it ended: the right that was missing, say. */
const withEnding = ({ phase, message: ending }: RemediationStatus, message: string): string =>
  (phase === 'Failed' || phase === 'Ineffective') && ending
    ? clip(`${message}; the last attempt ended with: ${ending}`, 4_096)
    : message

/** A plan that is proposed may be decided on until its time is up, also while another guardrail holds it for a while. */
const deadlineOf = (before: RemediationStatus, { plan, expiresAt }: VerdictOf<'Hold'>): string | undefined => {
  if (expiresAt !== undefined) return isoTime(expiresAt)
  return plan !== undefined && plan.hash === before.planHash ? before.expiresAt : undefined
}

const held = (before: RemediationStatus, at: number, verdict: VerdictOf<'Hold'>): RemediationStatus => {
  const { reason, foreseen, message, plan, policy, requeueAt } = verdict
  const finished = before.finishedAt !== undefined
  if (reason === 'AlreadyRecovered') {
    return isInProgress({ status: before }) || finished ? before : closed(before, at, 'Recovered', message)
  }
  if (isInProgress({ status: before })) return deferred(before, at, verdict)
  if (verdict.ends !== undefined) return rejected(before, at, verdict, verdict.ends)
  // An incident that spent its attempts has ended, badly; it is not merely held.
  const spent = reason === 'AttemptsSpent' && (before.phase === 'Ineffective' || before.phase === 'Failed')
  const phase = spent ? before.phase : (linkOf(reason).phase ?? 'Held')
  // The message about an approval changes with the person who decides; other messages may contain a running time.
  const decided = reason === 'AwaitingApproval' && before.message !== message
  const known = learned(before, verdict.diagnosis)
  const same =
    before.phase === phase &&
    before.reason === reason &&
    before.planHash === plan?.hash &&
    // Absent where the CRD is an older one, which drops it: that is no change at each check.
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
    message: reason === 'CoolingDown' ? withEnding(before, message) : message,
    policy,
    ...planned(plan),
    ...known,
    steps: plan ? withStep(kept, stepOf(plan, attempt, 'Planned', policy)) : kept,
    expiresAt: deadlineOf(before, verdict),
    nextCheckTime: isoTime(requeueAt),
    finishedAt: spent ? (before.finishedAt ?? isoTime(at)) : undefined,
  })
}

/** The proposal stays on the record, as what was rejected. */
const rejected = (
  before: RemediationStatus,
  at: number,
  { plan, message, policy, diagnosis }: VerdictOf<'Hold'>,
  reason: 'Denied' | 'Expired',
): RemediationStatus => {
  if (before.phase === 'Cancelled' && before.reason === reason && before.planHash === plan?.hash) return before
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

/** What was begun stays begun, or nothing would finish it: the hold only says why it does not continue. */
const deferred = (before: RemediationStatus, at: number, verdict: VerdictOf<'Hold'>): RemediationStatus => {
  const { reason, message, requeueAt, expiresAt } = verdict
  if (before.reason === reason && !overdue(before, at)) return before
  const asked = expiresAt !== undefined && { expiresAt: isoTime(expiresAt) }
  return put(before, { reason, message, nextCheckTime: isoTime(requeueAt), ...asked })
}

const closed = (before: RemediationStatus, at: number, reason: Reason, message: string): RemediationStatus =>
  before.finishedAt !== undefined
    ? before
    : put(before, {
        phase: 'Cancelled',
        reason,
        message,
        steps: withoutProposal(before.steps ?? []),
        expiresAt: undefined,
        foreseen: undefined,
        nextCheckTime: undefined,
        finishedAt: isoTime(at),
      })

/** `since` is when the intent was recorded first. */
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
    finishedAt: undefined,
    nextCheckTime: undefined,
  })

/** An attempt is one pass through the actions of a policy: an escalation within it is no new one. */
const intended = (before: RemediationStatus, at: number, verdict: VerdictOf<'Act'>): RemediationStatus => {
  const { plan, policy, attempt, resume } = verdict
  const steps = before.steps ?? []
  const last = lastBegun(steps)
  const message = `carrying out ${plan.type} on ${plan.target.kind} ${plan.target.name}`
  const next = { ...before, ...knownOf(verdict.diagnosis) }
  if (resume && last?.state === 'Intended') return before
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
  if (last?.state === 'Intended' && isUndo(steps)) return before
  const judged = last && (last.state === 'Intended' || last.state === 'Done')
  const ended = judged ? withLast(steps, { state: 'Ineffective', finishedAt: isoTime(at) }) : steps
  const message = `restoring the previous image in ${plan.target.kind} ${plan.target.name}`
  return running(
    { ...before, steps: [...ended] },
    isoTime(at),
    stepOf(plan, last?.attempt ?? 1, 'Intended', last?.policy),
    message,
  )
}

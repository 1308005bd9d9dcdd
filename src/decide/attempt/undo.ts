/** What follows an ineffective remedy: undo, the next action, or a person. */
import { type DecisionInput, LATER, type PolicyInForce } from '../../model/decision-input.ts'
import type { Plan, Verdict } from '../../model/plan.ts'
import { hasFurtherAction, type InProgress, policyOf, policyRefOf } from '../../model/remediation-state.ts'
import { remedyOf } from '../../remedies/list.ts'
import { firstObjection, GUARDRAILS, linkOf } from '../guardrails/chain.ts'

/** An undo is a write: guardrails that stop every write stop it too. */
const STOPS = GUARDRAILS.filter(({ stopsEveryWrite }) => stopsEveryWrite)

type Next = NonNullable<Extract<Verdict, { kind: 'Verify' }>['next']>

const ineffective = (c: DecisionInput, next: Next, message: string): Verdict => ({
  kind: 'Verify',
  outcome: 'Ineffective',
  reason: 'DidNotHelp',
  message,
  requeueAt: c.now,
  next,
})

/**
 * The verdict on a remedy that timed out. If the undo is stopped temporarily, the attempt waits; if it is stopped
 * permanently, the change is not undone.
 */
export const afterIneffective = (c: DecisionInput, inProgress: InProgress, lacks: string): Verdict => {
  const { step, record } = inProgress
  const policy = policyOf(c, record)
  const { undo } = remedyOf(step.action)
  const onward = { kind: hasFurtherAction(c, inProgress) ? ('Escalate' as const) : ('Stop' as const) }
  return policy && undo && policy.spec.onIneffective === 'Undo'
    ? undoUnlessStopped(c, { policy, plan: undo.plan(c, inProgress), otherwise: onward, lacks })
    : ineffective(c, onward, lacks)
}

/** The process ended during an undo: complete it, even if it was already written. */
export const resumeUndo = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { step, record } = inProgress
  const lacks = 'the remedy did not help'
  const left = remedyOf(step.action).undo?.resume(c, inProgress)
  if (left === undefined || left === 'Written') return ineffective(c, { kind: 'Stop' }, lacks)
  if ('kind' in left) return left
  if ('ask' in left) return { kind: 'Ask', facts: left.ask }
  if ('unseen' in left) {
    const message = `the undo was started; what is left of it is unknown: ${left.unseen}`
    return heldUnknown(c, record, message, c.now + LATER)
  }
  const { plan, complete } = left
  if (complete) return ineffective(c, { kind: 'Undo', plan }, lacks)
  const policy = policyOf(c, record)
  if (!policy) return ineffective(c, { kind: 'Stop' }, lacks)
  if (policy.spec.onIneffective !== 'Undo') {
    return ineffective(c, { kind: 'Stop' }, `${lacks}; the undo is not carried out: policy ${policy.name} now keeps it`)
  }
  const verdict = undoUnlessStopped(c, { policy, plan, otherwise: { kind: 'Stop' }, lacks })
  if (verdict.kind !== 'Verify' || verdict.outcome !== 'Waiting') return verdict
  // Waiting for a verification would claim that it was written.
  return heldUnknown(c, record, verdict.message, verdict.requeueAt)
}

const heldUnknown = (c: DecisionInput, record: InProgress['record'], message: string, requeueAt: number): Verdict => ({
  kind: 'Hold',
  policy: policyRefOf(record),
  reason: 'FactUnknown',
  message,
  requeueAt,
  diagnosis: c.diagnosis,
})

interface Undo {
  readonly policy: PolicyInForce
  readonly plan: Plan
  /** What follows if it is stopped permanently. */
  readonly otherwise: Next
  readonly lacks: string
}

const undoUnlessStopped = (c: DecisionInput, { policy, plan, otherwise, lacks }: Undo): Verdict => {
  const objection = firstObjection({ case: c, policy, matched: [], leftOut: [], plan, escalates: false }, STOPS)
  if (!objection) return ineffective(c, { kind: 'Undo', plan }, lacks)
  if ('ask' in objection) return { kind: 'Ask', facts: objection.ask }
  const { reason } = objection
  const message = `${lacks}; the undo is held by ${reason}: ${objection.message}`
  if (!linkOf(reason).undoWaits) return ineffective(c, otherwise, message)
  return { kind: 'Verify', outcome: 'Waiting', reason, message, requeueAt: c.now + LATER }
}

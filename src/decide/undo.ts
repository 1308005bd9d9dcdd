/** What follows a remedy that did not help: it is undone, the next action comes, or a person must look. */
import type { UnderWay } from './attempt-under-way.ts'
import type { Case, PolicyInForce } from './case.ts'
import { firstObjection, GUARDRAILS } from './guardrails/chain.ts'
import { LATER } from './look-again.ts'
import { rewriteImagePlan } from './plan-rewrite-image.ts'
import { placeOf } from './template.ts'
import type { PlacedChange, RewriteImagePlan, Verdict } from './verdict.ts'

/** An undo is a write: what stops every write stops it too. */
const STOPS = GUARDRAILS.filter(({ reason }) =>
  ['OperatorPaused', 'PolicySuspended', 'ObserveOnly', 'NamespaceProtected', 'OptedOut'].includes(reason),
)

/** The way back, for what still stands as we wrote it. */
const undoPlan = ({ incident: { owner } }: Case, { step, record }: UnderWay): RewriteImagePlan => {
  const changes = (step.changes ?? []).flatMap(({ container, init, from, to }): readonly PlacedChange[] => {
    const place = placeOf(owner, { container, init })
    return place ? [{ container, init, from: to, to: from, pointer: place.pointer, was: place.image }] : []
  })
  const { generation } = record.spec.policy
  return rewriteImagePlan(owner, { index: step.index, generation, timeoutMs: 0 }, changes, [])
}

/**
 * The verdict on a remedy whose time is up. An undo that is stopped for now keeps the attempt waiting; one that is
 * stopped for good stays undone by us.
 */
export const afterIneffective = (
  c: Case,
  underWay: UnderWay,
  policy: PolicyInForce | undefined,
  lacks: string,
  reason = 'DidNotHelp',
): Verdict => {
  const { step, record } = underWay
  const ineffective = (next: NonNullable<Extract<Verdict, { kind: 'Prove' }>['next']>, message = lacks): Verdict => ({
    kind: 'Prove',
    outcome: 'Ineffective',
    reason,
    message,
    lookAgainAt: c.now,
    next,
  })
  const further = policy?.generation === record.spec.policy.generation && step.index + 1 < policy.spec.actions.length
  const onward = { kind: further ? ('Escalate' as const) : ('Stop' as const) }
  if (!policy || reason === 'Undone' || step.action !== 'RewriteImage' || policy.spec.onIneffective !== 'Undo') {
    return ineffective(onward)
  }

  const plan = undoPlan(c, underWay)
  const objection = firstObjection({ case: c, policy, matched: [], plan, escalates: false }, STOPS)
  if (!objection) return ineffective({ kind: 'Undo', plan })
  if ('ask' in objection) return { kind: 'Ask', facts: objection.ask }
  const held = `${lacks}; undoing it is held by ${objection.reason}: ${objection.message}`
  const passes =
    objection.reason === 'OperatorPaused' ||
    objection.reason === 'PolicySuspended' ||
    objection.reason === 'FactUnknown'
  if (!passes) return ineffective(onward, held)
  return { kind: 'Prove', outcome: 'Waiting', reason: objection.reason, message: held, lookAgainAt: c.now + LATER }
}

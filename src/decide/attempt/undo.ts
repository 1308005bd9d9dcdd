/** What follows a remedy that did not help: it is undone, the next action comes, or a person must look. */
import type { RemediationStep } from '../../api/remediation.ts'
import { askFor, type DecisionInput, LATER, type PolicyInForce } from '../../model/decision-input.ts'
import type { PlacedChange, RewriteImagePlan, Verdict } from '../../model/plan.ts'
import type { HoldReason } from '../../model/reasons.ts'
import { policyRefOf, hasFurtherAction, podsOf, policyOf, type InProgress } from '../../model/remediation-state.ts'
import { placeOf } from '../../remedies/pod-template.ts'
import {
  changesNow,
  leavesAllAsIs,
  type OnPods,
  podEdits,
  rewriteImagePlan,
  waitingAmong,
} from '../../remedies/rewrite-image/plan.ts'
import { uidsOf, wrotePodsOnly } from '../../remedies/rewrite-image/verify.ts'
import { firstObjection, GUARDRAILS } from '../guardrails/chain.ts'

/** An undo is a write: what stops every write stops it too. */
const STOPS = GUARDRAILS.filter(({ reason }) =>
  ['OperatorPaused', 'PolicySuspended', 'ObserveOnly', 'NamespaceProtected', 'OptedOut'].includes(reason),
)

/** Stops that are lifted again; of the others an undo does not wait for the end. */
const PASSING: ReadonlySet<HoldReason> = new Set(['OperatorPaused', 'PolicySuspended', 'FactUnknown'])

type Next = NonNullable<Extract<Verdict, { kind: 'Verify' }>['next']>

const ineffective = (c: DecisionInput, next: Next, message: string): Verdict => ({
  kind: 'Verify',
  outcome: 'Ineffective',
  reason: 'DidNotHelp',
  message,
  requeueAt: c.now,
  next,
})

/** The way back, for what still stands as we wrote it. */
const undoPlan = (c: DecisionInput, { step, record }: InProgress): RewriteImagePlan => {
  const { owner } = c.incident
  const changes = (step.changes ?? []).flatMap(({ container, init, from, to }): readonly PlacedChange[] => {
    const place = placeOf(owner, { container, init })
    return place ? [{ container, init, from: to, to: from, pointer: place.pointer, was: place.image }] : []
  })
  const { generation } = policyRefOf(record)
  const base = { index: step.index, generation, timeoutMs: 0 }
  return rewriteImagePlan(owner, base, changes, podsToTakeBack(c, step, changes))
}

/** Of the pods that were given the image those that still wait: what runs or ended is not started anew to be undone. */
const podsToTakeBack = (
  { incident: { owner }, facts: { pods } }: DecisionInput,
  step: RemediationStep,
  changes: readonly PlacedChange[],
): OnPods => ({
  ...(wrotePodsOnly(owner, step) && { podsOnly: true }),
  thenPatch: owner.patchesPods && pods?.known ? podEdits(pods.value, changes, waitingAmong(uidsOf(step))) : [],
})

/**
 * The verdict on a remedy whose time is up. An undo that is stopped for now keeps the attempt waiting; one that is
 * stopped for good stays undone by us.
 */
export const afterIneffective = (c: DecisionInput, inProgress: InProgress, lacks: string): Verdict => {
  const { step, record } = inProgress
  const policy = policyOf(c, record)
  const onward = { kind: hasFurtherAction(c, inProgress) ? ('Escalate' as const) : ('Stop' as const) }
  return policy && step.action === 'RewriteImage' && policy.spec.onIneffective === 'Undo'
    ? undoUnlessStopped(c, { policy, plan: undoPlan(c, inProgress), otherwise: onward, lacks })
    : ineffective(c, onward, lacks)
}

/** An undo was begun and the process ended: it is brought to its end, also where it was written already. */
export const resumeUndo = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { step, record } = inProgress
  const changes = changesNow(c, inProgress)
  if ('kind' in changes) return changes
  const ask = c.incident.owner.patchesPods ? askFor(c.facts, [podsOf(inProgress)]) : undefined
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { pods: seen } = c.facts
  // Unseen pods may still have our image: nothing may be called undone.
  if (c.incident.owner.patchesPods && !seen?.known) {
    return heldUnknown(
      c,
      record,
      `undoing was begun; what is left of it cannot be seen: ${seen?.why ?? 'not read'}`,
      c.now + LATER,
    )
  }
  const base = { index: step.index, generation: policyRefOf(record).generation, timeoutMs: 0 }
  const pods = podsToTakeBack(c, step, changes)
  const plan = { ...rewriteImagePlan(c.incident.owner, base, changes, pods), hash: step.planHash }
  const lacks = 'the remedy did not help'
  if (leavesAllAsIs(plan)) return ineffective(c, { kind: 'Undo', plan }, lacks)
  const policy = policyOf(c, record)
  if (!policy) return ineffective(c, { kind: 'Stop' }, lacks)
  const verdict = undoUnlessStopped(c, { policy, plan, otherwise: { kind: 'Stop' }, lacks })
  if (verdict.kind !== 'Verify' || verdict.outcome !== 'Waiting') return verdict
  // To wait for a proof would say that it was written.
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
  readonly plan: RewriteImagePlan
  /** What follows where it is stopped for good. */
  readonly otherwise: Next
  readonly lacks: string
}

const undoUnlessStopped = (c: DecisionInput, { policy, plan, otherwise, lacks }: Undo): Verdict => {
  const objection = firstObjection({ case: c, policy, matched: [], plan, escalates: false }, STOPS)
  if (!objection) return ineffective(c, { kind: 'Undo', plan }, lacks)
  if ('ask' in objection) return { kind: 'Ask', facts: objection.ask }
  const { reason } = objection
  const message = `${lacks}; undoing it is held by ${reason}: ${objection.message}`
  if (!PASSING.has(reason)) return ineffective(c, otherwise, message)
  return { kind: 'Verify', outcome: 'Waiting', reason, message, requeueAt: c.now + LATER }
}

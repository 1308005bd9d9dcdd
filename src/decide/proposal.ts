/** The plan of one action, and its hash: over what a person is shown, so that an approval is of that and of nothing else. */
import type { ApplicablePolicy, DecisionInput, Matched } from '../model/decision-input.ts'
import type { ActionType } from '../api/policy/actions.ts'
import { isNodeItself } from '../model/kubernetes.ts'
import type { NodePlan, Plan } from '../model/plan.ts'
import { ownRecord } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { sayUntouched } from '../remedies/pod-template.ts'
import { type ActionStep, noPlan, type Planned } from '../remedies/remedy.ts'
import { hashOfAttempt, leaveOut, namingLeftOut, type Shown } from '../remedies/text.ts'

const planAction = (c: DecisionInput, applicable: ApplicablePolicy, actionStep: ActionStep): Planned => {
  // The template of such an owner was not read, so reporting a container as missing from it would mislead.
  const untouched = sayUntouched(c.incident.owner)
  if (untouched !== undefined) return noPlan('RolloutBlocked', untouched, false)
  const remedy = remedyOf(actionStep.action.type)
  const planned = remedy.plan(c, applicable, actionStep)
  if (!('plan' in planned)) return planned
  const { leftOut = [] } = planned.plan
  const late = leaveOut(applicable.late ?? [], () => 'the plan was proposed without it')
  const plan = { ...planned.plan, leftOut: [...leftOut, ...late] }
  return { plan: namingLeftOut(plan, applicable.leftOut, remedy.record(plan)) }
}

/** Only a person who approves a plan signs its pods: elsewhere one pod more or less makes no other plan of it. */
const signsPods = ({ policy }: ApplicablePolicy, type: ActionType): boolean =>
  policy.spec.mode === 'Approve' && remedyOf(type).podsShowFailure === true

/** What a plan shows beside its own change, by uid. */
const shownIn = (plan: Plan, applicable: ApplicablePolicy): Shown => ({
  ...(plan.stops && { stops: plan.stops }),
  ...(signsPods(applicable, plan.type) && { pods: (plan as NodePlan).pods.map(({ uid }) => uid) }),
})

const signed = (plan: Plan, shown: Shown, { policy }: ApplicablePolicy, attempt: number): Plan => {
  const hash = hashOfAttempt(plan.hash, attempt, policy.uid, shown)
  const named = remedyOf(plan.type).underHash?.(plan, hash) ?? { ...plan, hash }
  return { ...named, ...(shown.stops && { stops: shown.stops }) }
}

const within = (some: readonly string[] | undefined, all: readonly string[] | undefined): boolean =>
  (some ?? []).every((uid) => all?.includes(uid))

/**
 * The plan that was proposed before, if it is still the plan of today for those of its pods that still fail, and stops no pod
 * that it did not name. Its hash proves what was shown, so the lists on the record need not be trusted. A denial counts
 * whichever pods it would stop.
 */
const proposedBefore = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
  actionStep: ActionStep,
  attempt: number,
): Plan | undefined => {
  const { status, spec } = ownRecord(c.records, c.incident.templateHash) ?? {}
  const isDenied = (hash: string) => spec?.approval?.decision === 'Denied' && spec.approval.planHash === hash
  const pinned = signsPods(applicable, actionStep.action.type)
  for (const { action, index, stops, pods = [], planHash } of (status?.steps ?? []).toReversed()) {
    if (action !== actionStep.action.type || index !== actionStep.index) continue
    const uids = new Set(pods.map(({ uid }) => uid))
    const isShown = ({ failing: { pod } }: Matched) => !pinned || isNodeItself(pod) || uids.has(pod.metadata.uid)
    const matched = applicable.matched.filter(isShown)
    if (matched.length === 0 && !isDenied(planHash)) continue
    const shown = matched.length > 0 ? matched : applicable.matched
    const late = applicable.matched.filter((one) => !shown.includes(one))
    const today = planAction(c, { ...applicable, matched: shown, late }, actionStep)
    if (!('plan' in today)) continue
    const before = { ...(today.plan.stops && { stops: stops ?? [] }), ...(pinned && { pods: [...uids] }) }
    const plan = signed(today.plan, before, applicable, attempt)
    if (plan.hash !== planHash || !(isDenied(planHash) || within(today.plan.stops, stops))) continue
    // The record keeps what was shown: the hash is proved by it again at the next check.
    return pinned ? ({ ...plan, pods } as Plan) : plan
  }
  return undefined
}

/** The plan of an action in this attempt: what was proposed before, as far as it still is the plan, or another one. */
export const planOf = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
  actionStep: ActionStep,
  attempt: number,
): Planned => {
  const today = planAction(c, applicable, actionStep)
  if (!('plan' in today)) return today
  const shown = shownIn(today.plan, applicable)
  const before = shown.stops || shown.pods ? proposedBefore(c, applicable, actionStep, attempt) : undefined
  return { plan: before ?? signed(today.plan, shown, applicable, attempt) }
}

/** The plan of one action, and its hash: over what a person is shown, so that an approval is of that and of nothing else. */
import {
  type ApplicablePolicy,
  askFor,
  type DecisionInput,
  type Matched,
  type Spared,
} from '../model/decision-input.ts'
import { isNodeCause } from '../model/causes.ts'
import { parseDuration } from '../model/duration.ts'
import { EXCLUDE_KEY } from '../model/names.ts'
import type { ActionType } from '../api/policy/actions.ts'
import type { NodePlan, Plan } from '../model/plan.ts'
import { isNodeItself } from '../model/pod.ts'
import { proposalsOf } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { sayUntouched } from '../remedies/pod-template.ts'
import { type ActionStep, noPlan, type NoPlan, type Planned } from '../remedies/remedy.ts'
import { hashOfAttempt, leaveOut, namingLeftOut, type Shown } from '../remedies/text.ts'

const planAction = (c: DecisionInput, applicable: ApplicablePolicy, actionStep: ActionStep): Planned => {
  // The template of such an owner was not read, so reporting a container as missing from it would mislead.
  const untouched = sayUntouched(c.incident.owner)
  if (untouched !== undefined) return noPlan('RolloutBlocked', untouched, false)
  const ripe = sparing(applicable, whyTooYoung(c, applicable, actionStep.action.type))
  // If each of them is too young, a guardrail says so.
  const old = ripe.matched.length > 0 ? ripe : applicable
  const planned = planFor(c, old, actionStep)
  if (!('plan' in planned) || !isNodeCause(c.incident.area)) return planned
  if (old.matched.every(({ failing }) => isNodeItself(failing.pod))) return planned
  const ask = askFor(c.facts, [{ fact: 'failingOptOuts' }])
  if (ask) return ask
  const willing = sparing(old, whyOptedOut(c))
  if (willing === old) return planned
  return willing.matched.length > 0 ? planFor(c, willing, actionStep) : spared(c, old)
}

/** The plan for these pods, with the names of the others. */
const planFor = (c: DecisionInput, applicable: ApplicablePolicy, actionStep: ActionStep): Planned => {
  const remedy = remedyOf(actionStep.action.type)
  const planned = remedy.plan(c, applicable, actionStep)
  if (!('plan' in planned)) return planned
  const leftOut = [...(planned.plan.leftOut ?? []), ...leaveOut(applicable.spared ?? [], ({ why }) => why)]
  const plan = { ...planned.plan, ...(leftOut.length > 0 && { leftOut }) }
  return { plan: namingLeftOut(plan, applicable.leftOut, remedy.record(plan)) }
}

type WhySpared = (matched: Matched) => string | undefined

/** Without the pods that have a reason to be spared; they are named. */
const sparing = (applicable: ApplicablePolicy, whyOf: WhySpared): ApplicablePolicy => {
  const more = applicable.matched.flatMap((one): readonly Spared[] => {
    const why = whyOf(one)
    return why === undefined ? [] : [{ ...one, why }]
  })
  if (more.length === 0) return applicable
  const matched = applicable.matched.filter((one) => whyOf(one) === undefined)
  return { ...applicable, matched, spared: [...(applicable.spared ?? []), ...more] }
}

/** Each pod that is acted on has failed for long enough; a rewrite is of the template that all of them share. */
const whyTooYoung = ({ now }: DecisionInput, { policy }: ApplicablePolicy, type: ActionType): WhySpared => {
  const { failingFor } = policy.spec.match
  const before = remedyOf(type).imagesIn ? now : now - parseDuration(failingFor)
  return ({ failing }) => (failing.since <= before ? undefined : `it has not been failing for ${failingFor} yet`)
}

/** By the namespace and the owners of a pod of a node; the pod's own mark is known without a read. */
const whyOptedOut = ({ facts: { failingOptOuts = [] } }: DecisionInput): WhySpared => {
  const byUid = new Map(failingOptOuts.map((one) => [one.uid, one]))
  return ({ failing: { pod } }) => {
    const said = byUid.get(pod.metadata.uid)
    if (said === undefined) return undefined
    return 'by' in said
      ? `${said.by} is excluded by ${EXCLUDE_KEY}`
      : `whether its owner opted out is unknown: ${said.unread}`
  }
}

/** Every pod opted out; or it is unknown of one whether it did. */
const spared = (c: DecisionInput, { matched }: ApplicablePolicy): NoPlan => {
  const why = matched.map(whyOptedOut(c))
  const unread = matched.find(({ failing }) =>
    c.facts.failingOptOuts?.some((one) => 'unread' in one && one.uid === failing.pod.metadata.uid),
  )
  const message = (unread ? whyOptedOut(c)(unread) : why[0]) ?? ''
  return noPlan(unread ? 'FactUnknown' : 'OptedOut', message, false)
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
  const pinned = signsPods(applicable, actionStep.action.type)
  for (const { step, isDenied } of proposalsOf(c.records, c.incident.templateHash)) {
    const { action, index, stops, pods = [], planHash } = step
    if (action !== actionStep.action.type || index !== actionStep.index) continue
    const uids = new Set(pods.map(({ uid }) => uid))
    const isShown = ({ failing: { pod } }: Matched) => !pinned || isNodeItself(pod) || uids.has(pod.metadata.uid)
    const matched = applicable.matched.filter(isShown)
    if (matched.length === 0 && !isDenied) continue
    const shown = matched.length > 0 ? matched : applicable.matched
    const among = sparing(applicable, (one) => (shown.includes(one) ? undefined : 'the plan was proposed without it'))
    const today = planAction(c, among, actionStep)
    if (!('plan' in today)) continue
    const before = { ...(today.plan.stops && { stops: stops ?? [] }), ...(pinned && { pods: [...uids] }) }
    const plan = signed(today.plan, before, applicable, attempt)
    if (plan.hash !== planHash || !(isDenied || within(today.plan.stops, stops))) continue
    // The next check proves the hash by them again.
    return pinned ? ({ ...plan, proposedFor: pods } as Plan) : plan
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

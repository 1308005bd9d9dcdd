/** Which policy governs an incident, which of its actions comes next, and its plan. */
import type { ApplicablePolicy, Ask, DecisionInput, PolicyInForce } from '../model/decision-input.ts'
import { sameImage } from '../model/image-reference.ts'
import { incidentId } from '../model/incident.ts'
import { policyOfStep, type Tried, triedSteps } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { placeOf } from '../remedies/pod-template.ts'
import { noPlan, type NoPlan, type Planned } from '../remedies/remedy.ts'
import { byRank, candidateOf } from './match.ts'
import { planOf } from './proposal.ts'

interface NextStep {
  /** Index of the first action that may be planned. */
  readonly from: number
  /** Number of the attempt: one pass through the policy's actions. */
  readonly attempt: number
  /** The previous step of the same attempt did not help: no cooldown between them. */
  readonly escalates: boolean
}

/** Whether the step belongs to this incident: same revision, or the one that the step itself created. */
const sameStory = ({ incident }: DecisionInput, { record, step }: Tried): boolean =>
  record.spec.templateHash === incident.templateHash ||
  (step.changes ?? []).some((change) => sameImage(placeOf(incident.owner, change)?.image ?? '', change.to))

const nextStep = (c: DecisionInput, policy: PolicyInForce): NextStep => {
  const tried = triedSteps(c)
  const last = tried[0]
  const by = last && policyOfStep(last.record, last.step)
  const samePolicy = by?.uid === policy.uid && by.generation === policy.generation
  if (last && samePolicy && sameStory(c, last)) {
    const { state, index, attempt } = last.step
    const didNotHelp = state === 'Ineffective' || state === 'Failed' || state === 'Undone'
    if (didNotHelp && index + 1 < policy.spec.actions.length) return { from: index + 1, attempt, escalates: true }
  }
  const id = incidentId(c.incident.owner.ref, c.incident.area)
  const counted = c.attempts.filter(({ incident }) => incident === id).length
  return { from: 0, attempt: Math.max(counted, ...tried.map(({ step }) => step.attempt)) + 1, escalates: false }
}

export interface Step {
  readonly planned: Planned
  readonly attempt: number
  readonly escalates: boolean
}

/** The plan of the next escalation step; skips actions that have no plan for this incident. */
export const planNext = (c: DecisionInput, applicable: ApplicablePolicy): Step => {
  const { from, attempt, escalates } = nextStep(c, applicable.policy)
  const [last] = triedSteps(c)
  const applies = last?.step.state === 'Succeeded' && remedyOf(last.step.action).stillApplies?.(c, applicable, last)
  if (applies) return { planned: applies, attempt, escalates }
  let none: NoPlan | undefined
  for (const [index, action] of applicable.policy.spec.actions.entries()) {
    if (index < from) continue
    const planned = planOf(c, applicable, { action, index }, attempt)
    if (!('tryNext' in planned)) return { planned, attempt, escalates }
    none = none === undefined || outweighs(planned, none) ? planned : none
    if (!planned.tryNext) break
  }
  const spent = noPlan('AttemptsSpent', 'the policy has no action left to try', false)
  return { planned: none ?? spent, attempt, escalates }
}

/** Of several actions without a plan, the first explains why, unless it was not applicable and a later one was. */
const outweighs = (later: NoPlan, earlier: NoPlan): boolean =>
  later.noChangeNeeded === true || (earlier.notApplicable === true && !later.notApplicable)

/** A policy that matches, but none of whose actions can repair this failure. */
export interface PassedOver {
  readonly policy: string
  /** A clause. */
  readonly why: string
}

export interface Governing extends Step {
  readonly applicable: ApplicablePolicy
  /** Names of policies of the same priority that match too and come later by name. */
  readonly ties: readonly string[]
  readonly passedOver: readonly PassedOver[]
}

/** Why the policy is passed over; undefined if it governs. In the middle of an attempt, and with an empty list of actions, it does. */
const whyPassedOver = ({ planned, escalates }: Step): string | undefined =>
  'notApplicable' in planned && !escalates ? planned.message : undefined

/**
 * The policy that governs: of those that match, the first by rank with an action that can repair this failure; if none has
 * one, the first by rank explains why nothing is done. One that is suspended, or that does not name a protected namespace,
 * governs only if no other matches: then a guardrail explains the hold.
 */
export const governingPolicy = (c: DecisionInput): Governing | Ask | undefined => {
  const ranked = c.policies.toSorted(byRank)
  const passed: (Step & { readonly applicable: ApplicablePolicy; readonly why: string })[] = []
  let shut: ApplicablePolicy | Ask | undefined
  for (const [i, policy] of ranked.entries()) {
    const candidate = candidateOf(c, policy)
    if (!candidate) continue
    const { inForce, match } = candidate
    if (!inForce) {
      shut ??= match
      continue
    }
    if ('ask' in match) return match
    const step = planNext(c, match)
    const why = whyPassedOver(step)
    if (why === undefined) {
      const later = ranked.slice(i + 1)
      return { ...step, applicable: match, ties: tiesOf(c, policy, later), passedOver: passed.map(namePassed) }
    }
    passed.push({ ...step, applicable: match, why })
  }
  const [first, ...others] = passed
  if (first) return { ...first, ties: [], passedOver: others.map(namePassed) }
  if (!shut || 'ask' in shut) return shut
  return { ...planNext(c, shut), applicable: shut, ties: [], passedOver: [] }
}

const namePassed = ({
  applicable,
  why,
}: {
  readonly applicable: ApplicablePolicy
  readonly why: string
}): PassedOver => ({
  policy: applicable.policy.name,
  why,
})

const tiesOf = (c: DecisionInput, { spec }: PolicyInForce, later: readonly PolicyInForce[]): readonly string[] =>
  later
    .filter((other) => {
      const candidate = other.spec.priority === spec.priority ? candidateOf(c, other) : undefined
      return candidate?.inForce === true && !('ask' in candidate.match)
    })
    .map(({ name }) => name)

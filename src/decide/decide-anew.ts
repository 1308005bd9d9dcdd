/**
 * The decision on an incident without a step in progress: the policy that governs, which of its actions comes next, its plan,
 * then the guardrails.
 */
import {
  type ApplicablePolicy,
  type Ask,
  askFor,
  type DecisionInput,
  type PolicyInForce,
  RARELY,
} from '../model/decision-input.ts'
import { sameImage } from '../model/image-reference.ts'
import { type Diagnosis, incidentId } from '../model/incident.ts'
import type { Verdict, VerdictOf } from '../model/plan.ts'
import {
  isOpen,
  policyOfStep,
  type PolicyRef,
  policyRefOf,
  type Tried,
  triedSteps,
} from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { nameOfOwner, placeOf } from '../remedies/pod-template.ts'
import { noPlan, type NoPlan, type Planned } from '../remedies/remedy.ts'
import { firstObjection, GUARDRAILS, linkOf } from './guardrails/chain.ts'
import type { Context, Objection } from './guardrails/guardrail.ts'
import { awaitingApproval } from './guardrails/permission.ts'
import { byRank, candidateOf } from './match.ts'
import { planOf } from './proposal.ts'

// The policy that governs, and its next action.

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
  // A finished record is final: its attempt goes on no more.
  if (last && isOpen(last.record) && samePolicy && sameStory(c, last)) {
    const { state, index, attempt } = last.step
    const didNotHelp = state === 'Ineffective' || state === 'Failed' || state === 'Undone'
    if (didNotHelp && index + 1 < policy.spec.actions.length) return { from: index + 1, attempt, escalates: true }
  }
  const id = incidentId(c.incident.owner.ref, c.incident.area)
  const counted = c.attempts.filter(({ incident }) => incident === id).length
  return { from: 0, attempt: Math.max(counted, ...tried.map(({ step }) => step.attempt)) + 1, escalates: false }
}

interface Step {
  readonly planned: Planned
  readonly attempt: number
  readonly escalates: boolean
}

/** The plan of the next escalation step; skips actions that have no plan for this incident. */
const planNext = (c: DecisionInput, applicable: ApplicablePolicy): Step => {
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
interface PassedOver {
  readonly policy: string
  /** A clause. */
  readonly why: string
}

interface Governing extends Step {
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
const governingPolicy = (c: DecisionInput): Governing | Ask | undefined => {
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

// The decision.

/** What would be done next, before any guardrail. */
export interface Next extends Governing {
  readonly planned: Exclude<Governing['planned'], Ask>
}

export const decideAnew = (c: DecisionInput): Verdict => {
  const next = nextOf(c)
  return 'kind' in next ? next : judge(c, next)
}

/** The plan of the applicable policy, or the verdict if there is nothing to judge. */
export const nextOf = (c: DecisionInput): Next | VerdictOf<'Ask' | 'Ignore' | 'Hold'> => {
  if (c.incident.pods.length === 0) return recovered(c)
  const governing = governingPolicy(c)
  if (!governing) return { kind: 'Ignore', why: 'no policy matches', diagnosis: c.diagnosis }
  if ('ask' in governing) return { kind: 'Ask', facts: governing.ask }
  const { applicable, planned, escalates } = governing
  if ('ask' in planned) {
    return { kind: 'Ask', facts: acceptOldInspection(planned, { case: c, ...applicable, escalates }).ask }
  }
  if ('noChangeNeeded' in planned) return { kind: 'Ignore', why: planned.message, diagnosis: c.diagnosis }
  return { ...governing, planned }
}

/** The guardrails on a plan, or on its absence. */
export const judge = (c: DecisionInput, next: Next): VerdictOf<'Ask' | 'Hold' | 'Act'> => {
  const { applicable, planned, attempt, escalates } = next
  const unplanned = { case: c, ...applicable, escalates }
  const policy = referenceOf(applicable.policy)
  const found = 'plan' in planned ? { plan: planned.plan } : { noPlan: planned }
  const context = { ...unplanned, ...found }
  const objection = rejected(context) ?? firstObjection(context)
  if (objection && 'ask' in objection) return { kind: 'Ask', facts: acceptOldInspection(objection, unplanned).ask }

  // A held rewrite has its own reasons, and recycling a pod explains no image.
  const remedied = 'plan' in planned && remedyOf(planned.plan.type).imagesIn !== undefined
  const closer = objection && ((remedied ? undefined : lookCloser(c, objection)) ?? lookForPlace(c, objection))
  if (closer) return { kind: 'Ask', facts: closer.ask }

  const diagnosis = withOthers(diagnosisFor(c, applicable), next)
  if (objection) return { kind: 'Hold', policy, ...objection, ...('plan' in planned && planned), diagnosis }
  if ('plan' in planned) return { kind: 'Act', policy, plan: planned.plan, attempt, resume: false, diagnosis }
  const { reason, message } = planned
  return { kind: 'Hold', policy, reason, message, requeueAt: c.now + RARELY, diagnosis }
}

/** A denial takes precedence over other holds: otherwise each temporary hold would reopen the record. */
const rejected = (context: Context): Objection | undefined => {
  const said = awaitingApproval(context)
  return said && 'ends' in said ? said : undefined
}

/** Held until a person acts, without a known remedy: worth the requests that explain why it fails. */
const lookCloser = ({ diagnosis, facts }: DecisionInput, { reason }: Objection): Ask | undefined =>
  linkOf(reason).explains === undefined ? undefined : askFor(facts, diagnosis.detailFacts ?? [])

/** A person has to fix it: find out where. */
const lookForPlace = ({ diagnosis, facts }: DecisionInput, { reason }: Objection): Ask | undefined =>
  linkOf(reason).explains === 'CauseAndPlace' ? askFor(facts, diagnosis.fixLocationFacts ?? []) : undefined

const referenceOf = ({ name, uid, generation }: PolicyInForce): PolicyRef => ({ name, uid, generation })

/** Further policies that the record names. */
const MAX_OTHERS = 5

/**
 * Reports ties, because the choice of policy then depends only on their names, and policies that were passed over, because
 * their owners may have meant them to act.
 */
const withOthers = (diagnosis: Diagnosis, { applicable, ties, passedOver }: Governing): Diagnosis => {
  const applies = `policy ${applicable.policy.name} applies`
  const messages = [
    ...(ties.length > 0 ? [`${applies}; ${ties.join(', ')} with the same priority would match too`] : []),
    ...passedOver
      .slice(0, MAX_OTHERS)
      .map(
        ({ policy, why }) =>
          `${applies}; policy ${policy} matches too, but none of its actions can repair this: ${why}`,
      ),
  ]
  if (messages.length === 0) return diagnosis
  return {
    ...diagnosis,
    evidence: [...diagnosis.evidence, ...messages.map((message) => ({ fact: 'Policy', message }))],
  }
}

/** The diagnosis under the cause that the policy matches: pods of one owner may fail by different causes. */
const diagnosisFor = (c: DecisionInput, { matched }: ApplicablePolicy): Diagnosis => {
  const causes = matched.map(({ finding }) => finding.cause)
  const cause = causes.includes(c.diagnosis.cause) ? c.diagnosis.cause : (causes[0] ?? c.diagnosis.cause)
  return { ...c.diagnosis, cause }
}

/** Nothing fails any more. Closes a record that was waiting; otherwise there is nothing to do. */
const recovered = (c: DecisionInput): VerdictOf<'Ignore' | 'Hold'> => {
  const waiting = c.records.find(({ status }) => ['Held', 'Observed', 'AwaitingApproval'].includes(status?.phase ?? ''))
  const why = `no pod of ${nameOfOwner(c.incident.owner)} is failing`
  if (!waiting) return { kind: 'Ignore', why, diagnosis: c.diagnosis }
  const policy = policyRefOf(waiting)
  const requeueAt = c.now + RARELY
  return { kind: 'Hold', policy, reason: 'AlreadyRecovered', message: why, requeueAt, diagnosis: c.diagnosis }
}

// Avoids inspections that could not change the decision: each is a NodeTask, and every retry of the kubelet asks for one.

/** Maximum age of an inspection that only serves as evidence on the record. */
const EVIDENCE_MS = 10 * 60_000

const isHeldAnyway = (context: Context): boolean =>
  context.policy.spec.mode === 'Observe' ||
  GUARDRAILS.some(({ withoutAgent, check }) => withoutAgent && check(context) !== undefined)

/** The request; if the plan is held anyway, it accepts an inspection from the last ten minutes. */
const acceptOldInspection = (asked: Ask, context: Context): Ask =>
  asked.ask.some(({ fact }) => fact === 'inspection') && isHeldAnyway(context)
    ? { ask: asked.ask.map((name) => (name.fact === 'inspection' ? { ...name, maxAgeMs: EVIDENCE_MS } : name)) }
    : asked

/** The decision on an incident without a step in progress: the applicable policy, the plan, then the guardrails. */
import {
  type ApplicablePolicy,
  type Ask,
  askFor,
  type DecisionInput,
  type PolicyInForce,
  RARELY,
} from '../model/decision-input.ts'
import type { Diagnosis } from '../model/incident.ts'
import type { Verdict, VerdictOf } from '../model/plan.ts'
import { type PolicyRef, policyRefOf } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { nameOfOwner } from '../remedies/pod-template.ts'
import { type Governing, governingPolicy } from './escalation.ts'
import { firstObjection, GUARDRAILS, linkOf } from './guardrails/chain.ts'
import type { Context, Objection } from './guardrails/guardrail.ts'
import { awaitingApproval } from './guardrails/permission.ts'

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

/** The record has an intent without an outcome, because the process ended in between. The write may or may not have succeeded. */
import {
  type ApplicablePolicy,
  type Ask,
  type DecisionInput,
  LATER,
  type PolicyInForce,
} from '../../model/decision-input.ts'
import type { Verdict } from '../../model/plan.ts'
import { type InProgress, policyOf, policyRefOf } from '../../model/remediation-state.ts'
import { remedyOf } from '../../remedies/list.ts'
import { nameOfOwner } from '../../remedies/pod-template.ts'
import { firstObjection, GUARDRAILS } from '../guardrails/chain.ts'
import { matches } from '../match.ts'

/** Guardrails for a step whose intent is on the record: all but those on timing and counts. */
const AGAIN = GUARDRAILS.filter(({ resumed }) => resumed)
/** Part of a successful write may be left: guardrails that stop every write stop that as well. */
const STOPS = GUARDRAILS.filter(({ stopsEveryWrite }) => stopsEveryWrite)

/** Continues a begun step, or reports that all of it was written. */
export const resume = (c: DecisionInput, inProgress: InProgress): Verdict | 'Written' => {
  const { record, step } = inProgress
  const { diagnosis } = c
  const policy = policyOf(c, record)
  const by = policyRefOf(record)
  const left = remedyOf(step.action).resume(c, inProgress, policy)
  if (left === 'Written' || 'kind' in left) return left
  if ('ask' in left) return { kind: 'Ask', facts: left.ask }
  if ('unseen' in left) {
    const message = `started; what is left to do is unknown: ${left.unseen}`
    return { kind: 'Hold', policy: by, reason: 'FactUnknown', message, requeueAt: c.now + LATER, diagnosis }
  }
  const { plan, written, complete } = left
  if (complete && written) return 'Written'
  if (!policy) return withdrawn(c, 'PolicySuspended', `policy ${by.name} was deleted`)
  const recovered = !written && (complete || c.incident.pods.length === 0)
  if (recovered) return withdrawn(c, 'Recovered', `no pod of ${nameOfOwner(c.incident.owner)} is failing`)

  const applicable = written ? { matched: [], leftOut: [] } : stillApplies(c, policy)
  if ('ask' in applicable) return { kind: 'Ask', facts: applicable.ask }
  if ('kind' in applicable) return applicable
  const objection = firstObjection({ case: c, policy, ...applicable, plan, escalates: true }, written ? STOPS : AGAIN)
  if (objection && 'ask' in objection) return { kind: 'Ask', facts: objection.ask }
  if (objection?.ends !== undefined) return withdrawn(c, objection.ends, objection.message)
  if (objection) {
    const message = `started but not ${written ? 'completed' : 'written'}: ${objection.message}`
    return { kind: 'Hold', policy: by, ...objection, message, plan, diagnosis }
  }
  return { kind: 'Act', policy: by, plan, attempt: step.attempt, resume: true, diagnosis }
}

const withdrawn = (c: DecisionInput, reason: string, why: string): Verdict => ({
  kind: 'Verify',
  outcome: 'Cancelled',
  reason,
  message: `started but not written: ${why}`,
  requeueAt: c.now,
})

/** The policy may have become narrower since the intent. */
const stillApplies = (c: DecisionInput, policy: PolicyInForce): Omit<ApplicablePolicy, 'ties'> | Ask | Verdict =>
  matches(c, policy, true) ?? withdrawn(c, 'PolicySuspended', `policy ${policy.name} no longer matches`)

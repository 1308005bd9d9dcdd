/** Stops that a person set: for the whole operator, for one policy, for everything but looking. */
import { PAUSED_ANNOTATION } from '../../api/names.ts'
import { LATER, RARELY } from '../look-again.ts'
import { sayPlan } from '../plan-text.ts'
import type { Guardrail } from './guardrail.ts'

export const operatorPaused: Guardrail = ({ case: { now, operator } }) => {
  const { paused, namespace } = operator
  if (paused.known && !paused.value) return undefined
  const message = paused.known
    ? `the operator is paused by annotation ${PAUSED_ANNOTATION} on namespace ${namespace}`
    : `whether namespace ${namespace} pauses the operator is unknown: ${paused.why}`
  return { reason: 'OperatorPaused', message, lookAgainAt: now + LATER }
}

export const policySuspended: Guardrail = ({ case: { now }, policy }) =>
  policy.spec.suspend
    ? { reason: 'PolicySuspended', message: `policy ${policy.name} is suspended`, lookAgainAt: now + RARELY }
    : undefined

/** `simulate` and the record show what would be done, so the plan stands in the sentence. */
export const observeOnly: Guardrail = ({ case: { now }, policy, plan, unplanned }) => {
  if (policy.spec.mode !== 'Observe') return undefined
  const would = plan ? `would ${sayPlan(plan)}` : `would do nothing: ${unplanned?.message ?? 'there is no plan'}`
  return {
    reason: 'ObserveOnly',
    message: `policy ${policy.name} only observes; it ${would}`,
    lookAgainAt: now + RARELY,
  }
}

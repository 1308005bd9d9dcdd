/** Stops set by people: the pause of the operator, a suspended policy, mode Observe. */
import {
  type Ask,
  askFor,
  type DecisionInput,
  LATER,
  nodeCauseOf,
  RARELY,
  surroundings,
} from '../../model/decision-input.ts'
import { nodeOfPod } from '../../model/incident.ts'
import { EXCLUDE_KEY, PAUSED_ANNOTATION } from '../../model/names.ts'
import { remedyOf } from '../../remedies/list.ts'
import { protectedNodeFrom } from '../match-node.ts'
import { nodeOptedOutBy, optedOutBy, protectedFrom } from '../match.ts'
import type { Guardrail, Objection } from './guardrail.ts'

export const operatorPaused: Guardrail = ({ case: { now, operator } }) => {
  const { paused, namespace } = operator
  if (paused.known && !paused.value) return undefined
  const message = paused.known
    ? `the operator is paused by annotation ${PAUSED_ANNOTATION} on namespace ${namespace}`
    : `whether namespace ${namespace} pauses the operator is unknown: ${paused.why}`
  return { reason: 'OperatorPaused', message, requeueAt: now + LATER }
}

export const policySuspended: Guardrail = ({ case: { now }, policy }) =>
  policy.spec.suspend
    ? { reason: 'PolicySuspended', message: `policy ${policy.name} is suspended`, requeueAt: now + RARELY }
    : undefined

/** `simulate` and the record show what would be done, so the message contains the plan. */
export const observeOnly: Guardrail = ({ case: { now }, policy, plan, noPlan }) => {
  if (policy.spec.mode !== 'Observe') return undefined
  const would = plan
    ? `would ${remedyOf(plan.type).text.plan(plan)}`
    : `would do nothing: ${noPlan?.message ?? 'there is no plan'}`
  return {
    reason: 'ObserveOnly',
    message: `policy ${policy.name} is in mode Observe; it ${would}`,
    requeueAt: now + RARELY,
  }
}

// Objects that must not be touched because their owner opted out, or because the cluster depends on them.

export const namespaceProtected: Guardrail = ({ case: c, policy, matched }) => {
  const namespace = nodeCauseOf(c) ? protectedNodeFrom(policy, c, matched) : protectedFrom(policy, c)
  if (namespace === undefined) return undefined
  const message = `namespace ${namespace} is protected; policy ${policy.name} does not name it in match.namespaces`
  return { reason: 'NamespaceProtected', message, requeueAt: c.now + RARELY }
}

export const optedOut: Guardrail = (context) => {
  const { case: c, noPlan } = context
  if (noPlan?.reason === 'OptedOut') {
    return { reason: 'OptedOut', message: noPlan.message, requeueAt: c.now + RARELY }
  }
  return nodeCauseOf(c) ? nodeOptedOut(context) : workloadOptedOut(c)
}

const nodeOptedOut: Guardrail = ({ case: c, matched }) => {
  const ask = askFor(c.facts, surroundings(c))
  if (ask) return ask
  const said = nodeOptedOutBy(c, matched)
  if (!said) return undefined
  if ('by' in said)
    return { reason: 'OptedOut', message: `${said.by} is excluded by ${EXCLUDE_KEY}`, requeueAt: c.now + RARELY }
  const message = `whether anything opted out is unknown: ${said.unknown}`
  return { reason: 'FactUnknown', message, requeueAt: c.now + LATER }
}

const workloadOptedOut = (c: DecisionInput): Objection | Ask | undefined => {
  const by = optedOutBy(c)
  if (by) return { reason: 'OptedOut', message: `${by} is excluded by ${EXCLUDE_KEY}`, requeueAt: c.now + RARELY }
  const ask = askFor(c.facts, surroundings(c))
  if (ask) return ask
  const { namespace } = c.facts
  const nodes = c.incident.pods.map(({ pod }) => nodeOfPod(c.facts, pod))
  const unread = nodes.find((node) => node?.known === false)
  const message = !namespace?.known
    ? `whether the namespace opted out is unknown: ${namespace?.why ?? 'not read'}`
    : unread?.known === false
      ? `whether the node opted out is unknown: ${unread.why}`
      : undefined
  return message === undefined ? undefined : { reason: 'FactUnknown', message, requeueAt: c.now + LATER }
}

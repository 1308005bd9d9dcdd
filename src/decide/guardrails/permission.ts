/**
 * Guardrails on what people permit: the pause of the operator, a suspended policy, mode Observe, opt-outs, approval, and how
 * soon and how often a policy may act.
 */
import {
  type Ask,
  askFor,
  type Attempt,
  DAY,
  type DecisionInput,
  HOUR,
  LATER,
  nodeCauseOf,
  RARELY,
  SOON,
  surroundings,
} from '../../model/decision-input.ts'
import { formatDuration, parseDuration } from '../../model/duration.ts'
import { incidentId, nodeOfPod } from '../../model/incident.ts'
import { EXCLUDE_KEY, PAUSED_ANNOTATION } from '../../model/names.ts'
import { isUnfinished, triedSteps } from '../../model/remediation-state.ts'
import { remedyOf } from '../../remedies/list.ts'
import { nameOfOwner } from '../../remedies/pod-template.ts'
import { decisionOn } from '../approval.ts'
import { nodeOptedOutBy, optedOutBy, protectedFrom, protectedNodeFrom } from '../match.ts'
import type { Guardrail, Objection } from './guardrail.ts'
import { cordoned, leased, occupiesNode } from './target.ts'

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

export const notFailingLongEnough: Guardrail = ({ case: { now }, policy, matched }) => {
  if (matched.length === 0) return undefined
  const since = Math.min(...matched.map(({ failing }) => failing.since))
  const wait = parseDuration(policy.spec.match.failingFor)
  if (since + wait <= now) return undefined
  const message = `failing for ${formatDuration(now - since)}; policy ${policy.name} waits for ${formatDuration(wait)}`
  return { reason: 'NotFailingLongEnough', message, requeueAt: Number.isFinite(since) ? since + wait : now + LATER }
}

export const alreadyRecovered: Guardrail = ({ case: { now, incident }, matched }) => {
  const left = matched.filter(({ failing: { pod } }) => pod.metadata.deletionTimestamp === undefined)
  if (left.length > 0) return undefined
  const message =
    matched.length === 0
      ? `no pod of ${nameOfOwner(incident.owner)} is failing`
      : `all failing pods of ${nameOfOwner(incident.owner)} are being deleted`
  return { reason: 'AlreadyRecovered', message, requeueAt: now + LATER }
}

/** A remedy for another area of the same owner is in progress: one at a time. */
export const inFlight: Guardrail = (context) => {
  const { now, records, otherAreas = [], incident } = context.case
  const atWork = cordoned(context)
  if (atWork !== undefined) return { reason: 'InFlight', message: atWork, requeueAt: now + LATER }
  const lease = leased(context)
  if (lease) return { reason: 'InFlight', message: lease.says, requeueAt: Math.min(lease.until, now + LATER) }
  const other = [...records, ...otherAreas].find(isUnfinished)
  if (!other) return undefined
  const message = `Remediation ${other.metadata.name} is in progress on ${nameOfOwner(incident.owner)}`
  return { reason: 'InFlight', message, requeueAt: now + SOON }
}

const ownAttempts = ({ incident, attempts }: DecisionInput): readonly Attempt[] => {
  const id = incidentId(incident.owner.ref, incident.area)
  return attempts.filter((attempt) => attempt.incident === id)
}

/** A cooldown must not hide why the last attempt failed, such as a missing permission. */
const lastEnding = (c: DecisionInput): string => {
  const { status } = triedSteps(c)[0]?.record ?? {}
  const isBad = status?.phase === 'Failed' || status?.phase === 'Ineffective'
  return isBad && status.message ? `; it ended with: ${status.message}` : ''
}

/** The cooldown is between attempts, not between the steps of one. */
export const coolingDown: Guardrail = ({ case: c, policy, escalates, plan, noPlan }) => {
  // No need to wait if no attempt is left, or to flag a node instead of a remedy.
  const tells = plan !== undefined && plan.index > 0 && !occupiesNode(plan.type)
  if (escalates || tells || noPlan?.reason === 'AttemptsSpent') return undefined
  const last = Math.max(...ownAttempts(c).map(({ at }) => at))
  const until = last + parseDuration(policy.spec.limits.cooldown)
  if (!(until > c.now)) return undefined
  const message = `the last attempt was ${formatDuration(c.now - last)} ago; policy ${policy.name} has a cooldown of ${policy.spec.limits.cooldown}${lastEnding(c)}`
  return { reason: 'CoolingDown', message, requeueAt: until }
}

export const attemptsSpent: Guardrail = ({ case: c, policy, escalates, noPlan }) => {
  if (noPlan?.reason === 'AttemptsSpent') {
    return { reason: 'AttemptsSpent', message: noPlan.message, requeueAt: c.now + LATER }
  }
  const { maxAttempts } = policy.spec.limits
  const frees = escalates ? undefined : windowFrees(ownAttempts(c), maxAttempts, DAY, c.now)
  if (frees === undefined) return undefined
  const message = `${maxAttempts} attempt(s) within 24 hours did not last; a person is needed`
  return { reason: 'AttemptsSpent', message, requeueAt: frees }
}

// Limits on concurrent remediations and on those within an hour, for one policy and for the operator.

/** When fewer than `max` attempts will be within the window; undefined if that is the case now. */
export const windowFrees = (
  attempts: readonly Attempt[],
  max: number,
  windowMs: number,
  now: number,
): number | undefined => {
  const within = attempts.map(({ at }) => at).filter((at) => at > now - windowMs)
  if (within.length < max) return undefined
  const leaves = within.toSorted((a, b) => a - b)[within.length - Math.max(1, max)]
  return leaves === undefined ? now + windowMs : leaves + windowMs
}

export const operatorBudgetSpent: Guardrail = ({ case: { now, attempts, operator } }) => {
  const max = operator.maxActionsPerHour
  const frees = windowFrees(attempts, max, HOUR, now)
  if (frees === undefined) return undefined
  const message = `the operator has used its budget of ${max} remediations per hour`
  return { reason: 'OperatorBudgetSpent', message, requeueAt: frees }
}

export const budgetSpent: Guardrail = ({ case: { now, attempts, active }, policy }) => {
  const { maxPerHour, maxConcurrent } = policy.spec.limits
  const running = active[policy.name] ?? 0
  if (running >= maxConcurrent) {
    const message = `policy ${policy.name} has ${running} remediation(s) in progress, the maximum is ${maxConcurrent}`
    return { reason: 'BudgetSpent', message, requeueAt: now + SOON }
  }
  const own = attempts.filter((attempt) => attempt.policy === policy.name)
  const frees = windowFrees(own, maxPerHour, HOUR, now)
  if (frees === undefined) return undefined
  const message = `policy ${policy.name} has used its budget of ${maxPerHour} remediations per hour`
  return { reason: 'BudgetSpent', message, requeueAt: frees }
}

const objection = ({ now }: DecisionInput, message: string, at = now + RARELY): Objection => ({
  reason: 'AwaitingApproval',
  message,
  requeueAt: Math.min(at, now + RARELY),
})

export const awaitingApproval: Guardrail = ({ case: c, policy, plan }) => {
  if (policy.spec.mode !== 'Approve') return undefined
  if (!plan) return objection(c, 'there is no plan to approve')
  const decision = decisionOn(c, policy, plan)
  switch (decision.kind) {
    case 'Approved':
      return undefined
    case 'Asked':
      return { ...objection(c, decision.message, decision.expiresAt), expiresAt: decision.expiresAt }
    case 'Denied':
    case 'Expired':
      return { ...objection(c, decision.message), ends: decision.kind }
  }
}

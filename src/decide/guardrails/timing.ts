/** When it is too early, too late, or too often. */
import { formatDuration, parseDuration } from '../../api/duration.ts'
import { incidentId } from '../../api/incident-id.ts'
import type { Attempt, Case } from '../case.ts'
import { isUnderWay } from '../attempt-under-way.ts'
import { DAY, LATER, SOON } from '../look-again.ts'
import { nameOfOwner } from '../template.ts'
import { windowFrees } from './budgets.ts'
import type { Guardrail } from './guardrail.ts'
import { cordoned, leased } from './nodes.ts'

export const notFailingLongEnough: Guardrail = ({ case: { now }, policy, matched }) => {
  if (matched.length === 0) return undefined
  const since = Math.min(...matched.map(({ failing }) => failing.since))
  const wait = parseDuration(policy.spec.match.failingFor)
  if (since + wait <= now) return undefined
  const message = `failing for ${formatDuration(now - since)}; policy ${policy.name} waits for ${formatDuration(wait)}`
  return { reason: 'NotFailingLongEnough', message, lookAgainAt: Number.isFinite(since) ? since + wait : now + LATER }
}

export const alreadyRecovered: Guardrail = ({ case: { now, incident }, matched }) => {
  const left = matched.filter(({ failing: { pod } }) => pod.metadata.deletionTimestamp === undefined)
  if (left.length > 0) return undefined
  const message =
    matched.length === 0
      ? `no pod of ${nameOfOwner(incident.owner)} fails any more`
      : `every failing pod of ${nameOfOwner(incident.owner)} is being deleted`
  return { reason: 'AlreadyRecovered', message, lookAgainAt: now + LATER }
}

/** The owner fails in another area too, and a remedy for that is under way: one hand at a time. */
export const inFlight: Guardrail = (context) => {
  const { now, records, otherAreas = [], incident } = context.case
  const atWork = cordoned(context)
  if (atWork !== undefined) return { reason: 'InFlight', message: atWork, lookAgainAt: now + LATER }
  const lease = leased(context)
  if (lease) return { reason: 'InFlight', message: lease.says, lookAgainAt: Math.min(lease.until, now + LATER) }
  const other = [...records, ...otherAreas].find(isUnderWay)
  if (!other) return undefined
  const message = `Remediation ${other.metadata.name} is under way on ${nameOfOwner(incident.owner)}`
  return { reason: 'InFlight', message, lookAgainAt: now + SOON }
}

const ownAttempts = ({ incident, attempts }: Case): readonly Attempt[] => {
  const id = incidentId(incident.owner.ref.uid, incident.area)
  return attempts.filter((attempt) => attempt.incident === id)
}

/** A pause lies between attempts, not between the steps of one. */
export const coolingDown: Guardrail = ({ case: c, policy, escalates, plan, unplanned }) => {
  // That nothing is tried any more, and why, need not wait; nor does saying so on the node, in the place of a remedy.
  const tells = plan?.type === 'FlagNode' && plan.index > 0
  if (escalates || tells || unplanned?.reason === 'AttemptsSpent') return undefined
  const last = Math.max(...ownAttempts(c).map(({ at }) => at))
  const until = last + parseDuration(policy.spec.limits.cooldown)
  if (!(until > c.now)) return undefined
  const message = `the last attempt was ${formatDuration(c.now - last)} ago; policy ${policy.name} pauses for ${policy.spec.limits.cooldown}`
  return { reason: 'CoolingDown', message, lookAgainAt: until }
}

export const attemptsSpent: Guardrail = ({ case: c, policy, escalates, unplanned }) => {
  if (unplanned?.reason === 'AttemptsSpent') {
    return { reason: 'AttemptsSpent', message: unplanned.message, lookAgainAt: c.now + LATER }
  }
  const { maxAttempts } = policy.spec.limits
  const frees = escalates ? undefined : windowFrees(ownAttempts(c), maxAttempts, DAY, c.now)
  if (frees === undefined) return undefined
  const message = `${maxAttempts} attempt(s) within 24 hours did not last; a person must look`
  return { reason: 'AttemptsSpent', message, lookAgainAt: frees }
}

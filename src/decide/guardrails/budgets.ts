/** How much is done at once and within an hour, by one policy and by the operator altogether. */
import type { Attempt } from '../case.ts'
import { HOUR, SOON } from '../look-again.ts'
import type { Guardrail } from './guardrail.ts'

/** When fewer than `max` of the attempts lie within the window again; undefined where that is so now. */
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
  const message = `the operator may begin ${max} remediations an hour, and has`
  return { reason: 'OperatorBudgetSpent', message, lookAgainAt: frees }
}

export const budgetSpent: Guardrail = ({ case: { now, attempts, active }, policy }) => {
  const { maxPerHour, maxConcurrent } = policy.spec.limits
  const running = active[policy.name] ?? 0
  if (running >= maxConcurrent) {
    const message = `policy ${policy.name} has ${running} remediation(s) under way, of at most ${maxConcurrent}`
    return { reason: 'BudgetSpent', message, lookAgainAt: now + SOON }
  }
  const own = attempts.filter((attempt) => attempt.policy === policy.name)
  const frees = windowFrees(own, maxPerHour, HOUR, now)
  if (frees === undefined) return undefined
  const message = `policy ${policy.name} may begin ${maxPerHour} remediations an hour, and has`
  return { reason: 'BudgetSpent', message, lookAgainAt: frees }
}

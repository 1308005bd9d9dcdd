/** Looks of agents that could change nothing: each is an order, and a kubelet that tries again calls for one each time. */
import type { Ask } from '../facts.ts'
import { operatorBudgetSpent } from '../guardrails/budgets.ts'
import type { Context, Guardrail } from '../guardrails/guardrail.ts'
import { operatorPaused, policySuspended } from '../guardrails/stops.ts'
import { attemptsSpent, notFailingLongEnough } from '../guardrails/timing.ts'

/** They hold by what is known without the agent, and whatever it sees. */
const BLIND: readonly Guardrail[] = [
  operatorPaused,
  operatorBudgetSpent,
  policySuspended,
  notFailingLongEnough,
  attemptsSpent,
]

/** How old a look may be that only stands on the record as evidence. */
const EVIDENCE_MS = 10 * 60_000

const isHeldAnyway = (context: Context): boolean =>
  context.policy.spec.mode === 'Observe' || BLIND.some((guardrail) => guardrail(context) !== undefined)

/** What is asked for, where nothing can come of it content with what the agent said within ten minutes. */
export const contentWithOld = (asked: Ask, context: Context): Ask =>
  asked.ask.some(({ fact }) => fact === 'inspection') && isHeldAnyway(context)
    ? { ask: asked.ask.map((name) => (name.fact === 'inspection' ? { ...name, maxAgeMs: EVIDENCE_MS } : name)) }
    : asked

import type { DecisionInput } from '../../model/decision-input.ts'
import { aPolicy } from '../testing.ts'
import type { Context } from './guardrail.ts'

/** What a guardrail sees of a case: its first policy, all that fails, and no plan, unless `words` say otherwise. */
export const contextOf = (c: DecisionInput, words: Partial<Context> = {}): Context => ({
  case: c,
  policy: c.policies[0] ?? aPolicy(),
  matched: c.incident.pods.flatMap((failing) => failing.findings.map((finding) => ({ failing, finding }))),
  leftOut: [],
  escalates: false,
  ...words,
})

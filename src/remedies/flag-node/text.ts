import type { RemedyText } from '../remedy.ts'
import { nameOf } from '../text.ts'
import type { FlagNodePlan } from './plan.ts'

export const text: RemedyText<FlagNodePlan> = {
  plan: ({ target, message }) => `flag ${nameOf(target)}: ${message}`,
  step: ({ node }) => `flag it (${node?.message ?? ''})`,
  done: ({ node }, { kind, name }) => `Flagged ${kind} ${name} (${node?.message ?? ''})`,
  written: 'the node is flagged',
  awaited: 'what the policy has beyond it',
}

import type { RemedyText } from '../remedy.ts'
import { nameOf } from '../text.ts'
import type { FlagNodePlan } from './plan.ts'

export const text: RemedyText<FlagNodePlan> = {
  plan: ({ target, message }) => `flag ${nameOf(target)}: ${message}`,
  step: ({ node }) => `flag the node (${node?.message ?? ''})`,
  done: ({ node }, { kind, name }) => `Flagged ${kind} ${name} (${node?.message ?? ''})`,
  written: 'the node is flagged',
  awaited: 'the next action of the policy',
}

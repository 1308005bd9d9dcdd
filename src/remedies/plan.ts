import type { PolicyAction } from '../api/policy/policy.ts'
import type { Ask } from '../model/decision-input.ts'
import type { Plan } from '../model/plan.ts'
import type { HoldReason } from '../model/reasons.ts'

/** Why there is no plan; the guardrail of that name holds with the sentence. */
export interface NoPlan {
  readonly reason: HoldReason
  readonly message: string
  /** Whether the policy's next action may still be of use. */
  readonly tryNext: boolean
  /** It is as this action would have it already: where no other has a plan there is nothing to decide. */
  readonly settled?: true
}

export type Planned = { readonly plan: Plan } | Ask | NoPlan

/** An action of the policy whose turn it is. */
export interface ActionStep {
  readonly action: PolicyAction
  readonly index: number
}

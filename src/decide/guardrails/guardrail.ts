import type { Ask, DecisionInput, Matched, PolicyInForce } from '../../model/decision-input.ts'
import type { Plan } from '../../model/plan.ts'
import type { HoldReason } from '../../model/reasons.ts'
import type { NoPlan } from '../../remedies/remedy.ts'

/** What a guardrail looks at. */
export interface Context {
  readonly case: DecisionInput
  readonly policy: PolicyInForce
  readonly matched: readonly Matched[]
  /** What is about to be done. Absent where nothing could be planned: then `noPlan` says why. */
  readonly plan?: Plan
  readonly noPlan?: NoPlan
  /** A clause of the policy that could not be answered. */
  readonly unanswered?: string
  /** This step follows one of the same attempt that did not help. */
  readonly escalates: boolean
}

export interface Objection {
  readonly reason: HoldReason
  /** Of a policy that only observes: the guardrail that would hold it if it acted. */
  readonly foreseen?: HoldReason
  /** For a person: what holds, and what would lift it. */
  readonly message: string
  /** When to look again, ms since the epoch. */
  readonly requeueAt: number
  /** Until when a person may decide on the plan, ms since the epoch. */
  readonly expiresAt?: number
  /** Nothing comes of this plan any more: its record ends with this reason. */
  readonly ends?: 'Denied' | 'Expired'
}

/** Objects, asks for a fact, or lets pass. One that cannot be answered objects. */
export type Guardrail = (context: Context) => Objection | Ask | undefined

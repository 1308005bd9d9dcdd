import type { Ask, DecisionInput, Matched, PolicyInForce } from '../../model/decision-input.ts'
import type { Plan } from '../../model/plan.ts'
import type { HoldReason } from '../../model/reasons.ts'
import type { NoPlan } from '../../remedies/remedy.ts'

/** The input of a guardrail. */
export interface Context {
  readonly case: DecisionInput
  readonly policy: PolicyInForce
  readonly matched: readonly Matched[]
  readonly leftOut: readonly Matched[]
  /** The plan; absent if there is none: then `noPlan` explains why. */
  readonly plan?: Plan
  readonly noPlan?: NoPlan
  /** A clause of the policy that could not be evaluated. */
  readonly unanswered?: string
  /** This step follows an ineffective one of the same attempt. */
  readonly escalates: boolean
}

export interface Objection {
  readonly reason: HoldReason
  /** For a policy in mode Observe: the guardrail that would hold it if it acted. */
  readonly foreseen?: HoldReason
  /** For people: what holds, and what would lift it. */
  readonly message: string
  /** When to evaluate again, ms since the epoch. */
  readonly requeueAt: number
  /** Deadline for the approval, ms since the epoch. */
  readonly expiresAt?: number
  /** The plan will not be executed: its record ends with this reason. */
  readonly ends?: 'Denied' | 'Expired'
}

/** Holds, asks for a fact, or passes. Holds if it cannot be evaluated. */
export type Guardrail = (context: Context) => Objection | Ask | undefined

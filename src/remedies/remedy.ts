/** A remedy: everything specific to one type of action. Pure except for `act` and `release`, which list.ts adds. */
import type { ActionType } from '../api/policy/actions.ts'
import type { PolicyAction } from '../api/policy/policy.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { ApplicablePolicy, Ask, DecisionInput } from '../model/decision-input.ts'
import { parseTime } from '../model/duration.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import type { Kept, Outcome, PlacedChange, Plan, VerdictOf } from '../model/plan.ts'
import type { HoldReason } from '../model/reasons.ts'
import type { InProgress, Tried } from '../model/remediation-state.ts'
import type { ActDeps } from './writes.ts'

/** Why there is no plan; the guardrail of this reason holds with this message. */
export interface NoPlan {
  readonly reason: HoldReason
  readonly message: string
  /** Whether the policy's next action may still help. */
  readonly tryNext: boolean
  /** This action needs no change: if no other action has a plan either, there is nothing to decide. */
  readonly noChangeNeeded?: true
  /**
   * This action cannot repair this failure, whatever is still unknown or in the way. A policy that has only such actions
   * leaves the incident to the next one. Never set it for a deliberate hold.
   */
  readonly notApplicable?: true
}

export const noPlan = (reason: HoldReason, message: string, tryNext: boolean): NoPlan => ({ reason, message, tryNext })

/** See `NoPlan.notApplicable`. */
export const notApplicable = (reason: 'RolloutBlocked' | 'TargetUnverified', message: string): NoPlan => ({
  reason,
  message,
  tryNext: true,
  notApplicable: true,
})

export type Planned<P extends Plan = Plan> = { readonly plan: P } | Ask | NoPlan

/** The action of the policy to plan. */
export interface ActionStep {
  readonly action: PolicyAction
  readonly index: number
}

/** A step that has an intent on the record but no outcome. */
type Unfinished<L> =
  | L
  /** Every write succeeded. */
  | 'Written'
  | Ask
  /** Why it is unknown, as a clause. */
  | { readonly unseen: string }
  /** Nothing may be written any more. */
  | VerdictOf<'Verify'>

/** What is left of a step. Whether it may be written, today's decision says. */
export interface LeftOver<P extends Plan = Plan> {
  /** A part of it was written. */
  readonly written: boolean
  /** Nothing of it is left to do. */
  readonly complete: boolean
  /** What the decision saw before the part was written; absent if that does not show. */
  readonly before?: DecisionInput
  /**
   * Today's plan without the part that was written, under the recorded hash; names only pods of the record. Undefined if
   * today's plan has nothing of the rest.
   */
  rest(today: P): P | undefined
  /** What the step keeps if the rest is not written. */
  readonly kept?: Kept
}

export type Left<P extends Plan = Plan> = Unfinished<LeftOver<P>>

/** Nothing of it was written: it is the same step only if today's plan is the same. */
export const UNWRITTEN = { written: false, complete: false, rest: <P>(today: P): P => today } as const

/** What is left of an undo: its plan, adapted to the current objects. */
export type LeftOfUndo<P extends Plan = Plan> = Unfinished<{ readonly plan: P; readonly complete: boolean }>

/** The end of a step, with a sentence why. An ineffective step is undone or escalated, depending on the policy. */
export type Ended =
  | { readonly outcome: 'Succeeded' | 'Cancelled'; readonly reason: string; readonly message: string }
  | { readonly outcome: 'Ineffective'; readonly message: string }

/** Progress of a written step. Times are ms since the epoch. */
export type Progress =
  | Ask
  | Ended
  /** Recovered since then; must last for the stabilization window, which is appended to the clause: `pod a has not failed` (for 10s). */
  | {
      readonly since: number
      readonly recovered: string
      /** Message if it still restarts after the timeout; absent to keep waiting. */
      readonly unstable?: string
    }
  /** Not recovered yet: ineffective after the timeout, unless `atDeadline` differs. */
  | { readonly lacks: string; readonly nextCheckAt?: number; readonly atDeadline?: Ended }
  /** Waits until then, regardless of the timeout. */
  | { readonly waits: string; readonly nextCheckAt: number }

/** Requeue delay for changes that no event reports: 2 s at first, 15 s at most; ms. */
export const requeueDelay = (c: DecisionInput, { step }: InProgress): number =>
  Math.min(15_000, Math.max(2_000, (c.now - (parseTime(step.actedAt) ?? c.now)) / 2))

/** Messages of a remedy. */
export interface RemedyText<P extends Plan = Plan> {
  /** The plan as a clause without a subject: `restart docker on Node a`. */
  plan(plan: P): string
  /** The same for a recorded step; the target is named elsewhere. */
  step(step: RemediationStep): string
  /** The result of writing it, as a sentence without a full stop; `target` e.g. `Deployment web`. */
  done(step: RemediationStep, target: RecordTarget): string
  /** Clauses: what was written, and what it then waits for. */
  readonly written: string
  readonly awaited: string
}

export interface RecordTarget {
  readonly kind: string
  readonly name: string
}

export interface PureRemedy<P extends Plan = Plan> {
  readonly type: P['type'] & ActionType
  /** Effect on a node: none (it may delete pods there), an informative mark, or a repair, during which the node counts as unhealthy. */
  readonly onNode: 'Nothing' | 'Marks' | 'Repairs'
  /** It may repair a node that is not Ready; other remedies cannot. */
  readonly revivesNode?: true
  /** Requires the agent on the node, to execute it or to inspect the node. */
  readonly needsAgent: boolean
  /** The Event after it is executed. */
  readonly event: { readonly reason: string; readonly type: 'Normal' | 'Warning'; readonly meaning: string }
  /** The pods of its step are those that it writes to, so a skipped pod does not count for verification. */
  readonly podsAreWritten?: true
  /**
   * The pods of its step only show the failure, and it writes to none of them: an approval covers those that were shown, for as
   * long as one of them still fails.
   */
  readonly podsShowFailure?: true
  readonly text: RemedyText<P>

  plan(c: DecisionInput, applicable: ApplicablePolicy, actionStep: ActionStep): Planned<P>
  /** The plan with another hash, and the names derived from it; absent if there are none. */
  underHash?(plan: P, hash: string): P
  /** Images that it writes, which the registry must confirm; absent if it writes none. */
  imagesIn?(plan: P): readonly PlacedChange[]
  /** Whether a mark takes the node out of service. */
  takesOutOfService?(plan: P): boolean
  /** What a later evaluation needs to resume, verify or undo the step. */
  record(plan: P): Pick<RemediationStep, 'target' | 'changes' | 'pods' | 'node'>
  /** The rest of a recorded step. */
  resume(c: DecisionInput, inProgress: InProgress): Left<P>
  /** Whether a written step helped. */
  verify(c: DecisionInput, inProgress: InProgress): Progress
  /** Whether the last, successful step of the incident still covers the failure. */
  stillApplies?(c: DecisionInput, applicable: ApplicablePolicy, last: Tried): NoPlan | undefined
  /** The undo; absent if there is none. */
  readonly undo?: {
    plan(c: DecisionInput, inProgress: InProgress): P
    /** The rest of an undo in progress. */
    resume(c: DecisionInput, inProgress: InProgress): LeftOfUndo<P>
  }
}

export interface Remedy<P extends Plan = Plan> extends PureRemedy<P> {
  /** Idempotent. Throws if the outcome is unknown. */
  act(plan: P, deps: ActDeps): Promise<Outcome>
  /** Gives back what `act` reserved on its target, such as the lease of a node; absent if it reserves nothing. */
  release?(target: ObjectRef, deps: ActDeps): Promise<void>
}

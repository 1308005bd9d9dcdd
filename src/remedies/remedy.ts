/** What a remedy is: everything that is particular to one type of action. Pure, but for the act that joins it in list.ts. */
import type { ActionType } from '../api/policy/actions.ts'
import type { PolicyAction } from '../api/policy/policy.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { ApplicablePolicy, Ask, DecisionInput, PolicyInForce } from '../model/decision-input.ts'
import { parseDuration, parseTime } from '../model/duration.ts'
import type { Outcome, PlacedChange, Plan, Verdict } from '../model/plan.ts'
import type { HoldReason } from '../model/reasons.ts'
import type { InProgress, Tried } from '../model/remediation-state.ts'
import type { ActDeps } from './writes.ts'

/** Why there is no plan; the guardrail of that name holds with the sentence. */
export interface NoPlan {
  readonly reason: HoldReason
  readonly message: string
  /** Whether the policy's next action may still be of use. */
  readonly tryNext: boolean
  /** It is as this action would have it already: where no other has a plan there is nothing to decide. */
  readonly settled?: true
}

export const noPlan = (reason: HoldReason, message: string, tryNext: boolean): NoPlan => ({ reason, message, tryNext })

export type Planned<P extends Plan = Plan> = { readonly plan: P } | Ask | NoPlan

/** An action of the policy whose turn it is. */
export interface ActionStep {
  readonly action: PolicyAction
  readonly index: number
}

/** What is left of a step whose intent stands on the record, and whose outcome does not. */
export type Left<P extends Plan = Plan> =
  | {
      /** The recorded plan, set upon what is there now. */
      readonly plan: P
      /** Its first write came through. */
      readonly written: boolean
      /** Nothing of it is left to do. */
      readonly complete: boolean
    }
  /** Every write came through. */
  | 'Written'
  | Ask
  /** Why it cannot be told, in a clause. */
  | { readonly unseen: string }
  /** Nothing may be written any more. */
  | Extract<Verdict, { kind: 'Verify' }>

/** What of a recorded step any plan made of it has. */
export const stepBase = (
  { incident }: DecisionInput,
  { step }: InProgress,
  policy: PolicyInForce | undefined,
): Omit<Plan, 'type'> => ({
  index: step.index,
  hash: step.planHash,
  diff: step.diff ?? '',
  timeoutMs: parseDuration(policy?.spec.actions[step.index]?.timeout ?? '5m'),
  target: incident.owner.ref,
})

/** The end of a step, and why in a sentence. What did not help is undone or escalated as the policy has it. */
export type Ended =
  | { readonly outcome: 'Succeeded' | 'Cancelled'; readonly reason: string; readonly message: string }
  | { readonly outcome: 'Ineffective'; readonly message: string }

/** How a step that was written gets on. Times are ms since the epoch. */
export type Progress =
  | Ask
  | Ended
  /** Recovered since then: it must stay so for a while, which is added to the clause: `pod a has not failed` (for 10s). */
  | {
      readonly since: number
      readonly recovered: string
      /** What is said where it keeps starting anew beyond its time; absent where it is waited for. */
      readonly unstable?: string
    }
  /** Not recovered yet: beyond its time it did not help, unless that end says otherwise. */
  | { readonly lacks: string; readonly nextCheckAt?: number; readonly atDeadline?: Ended }
  /** Waits until then, whatever its time is. */
  | { readonly waits: string; readonly nextCheckAt: number }

/** Pods' own changes make us look sooner; this is for those that go unseen. 2 s at first, 15 s at most; ms. */
export const patience = (c: DecisionInput, { step }: InProgress): number =>
  Math.min(15_000, Math.max(2_000, (c.now - (parseTime(step.actedAt) ?? c.now)) / 2))

/** Sentences of a remedy for people. */
export interface RemedyText<P extends Plan = Plan> {
  /** What a plan would do, as a clause without a subject: `restart docker on Node a`. */
  plan(plan: P): string
  /** The same of a recorded step; that the target is meant is said elsewhere. */
  step(step: RemediationStep): string
  /** What was done by writing it, as a sentence without a stop; `target` e.g. `Deployment web`. */
  done(step: RemediationStep, target: RecordTarget): string
  /** Clauses: what the writing of it was, and what is waited for then. */
  readonly written: string
  readonly awaited: string
}

export interface RecordTarget {
  readonly kind: string
  readonly name: string
}

export interface PureRemedy<P extends Plan = Plan> {
  readonly type: P['type'] & ActionType
  /** What it does to a node: nothing (it may delete pods there), a mark that informs, or a repair, during which the node counts as unhealthy. */
  readonly onNode: 'Nothing' | 'Marks' | 'Repairs'
  /** It may bring a node back that is not Ready; others would never reach that. */
  readonly revivesNode?: true
  /** The agent must be on the node: to carry it out, or to say what is wrong there. */
  readonly needsAgent: boolean
  /** The Event once it is carried out. */
  readonly event: { readonly reason: string; readonly type: 'Normal' | 'Warning'; readonly meaning: string }
  /** The pods of its step are those that are written to: one that was left proves nothing. */
  readonly podsAreWritten?: true
  readonly text: RemedyText<P>

  plan(c: DecisionInput, applicable: ApplicablePolicy, actionStep: ActionStep): Planned<P>
  /** The plan under another hash, with what its hash names named anew; absent where it names nothing. */
  underHash?(plan: P, hash: string): P
  /** Images that it writes, which the registry must confirm; absent where it writes none. */
  imagesIn?(plan: P): readonly PlacedChange[]
  /** Whether a mark takes the node out of service. */
  takesOutOfService?(plan: P): boolean
  /** What a later look needs to go on with the step, to verify it or to undo it. */
  record(plan: P): Pick<RemediationStep, 'target' | 'changes' | 'pods' | 'node'>
  /** What is left to do of a recorded step. */
  resume(c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Left<P>
  /** Whether a step that was written helped. */
  verify(c: DecisionInput, inProgress: InProgress): Progress
  /** The last step of the incident was this one, and it ended well: whether that still answers the failure. */
  stillStands?(c: DecisionInput, applicable: ApplicablePolicy, last: Tried): NoPlan | undefined
  /** The way back; absent where there is none. */
  readonly undo?: {
    plan(c: DecisionInput, inProgress: InProgress): P
    /** What is left of a way back that was begun. */
    resume(c: DecisionInput, inProgress: InProgress): Left<P>
  }
}

export interface Remedy<P extends Plan = Plan> extends PureRemedy<P> {
  /** Idempotent. Throws where the outcome is unknown. */
  act(plan: P, deps: ActDeps): Promise<Outcome>
}

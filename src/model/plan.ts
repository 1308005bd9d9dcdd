import type { NodeTaskSpec } from '../api/node-task.ts'
import type { ActionType } from '../api/policy/actions.ts'
import type { ImageChange, RemediationStep } from '../api/remediation.ts'
import type { Diagnosis, FactName } from './incident.ts'
import type { ObjectRef } from './kubernetes.ts'
import type { HoldReason } from './reasons.ts'
import type { PolicyRef } from './remediation-state.ts'

/** A pod to delete, only if it is still the same pod. */
export interface PodToDelete {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/** A plan. Each remedy has its own type, with everything that its action needs. */
export interface Plan {
  readonly type: ActionType
  /** The object to write to: the owner, or the node. */
  readonly target: ObjectRef
  /** Index of the action in the policy. */
  readonly index: number
  /** Hash over everything that a person is shown: the change, its target, the policy, the attempt, and `stops`; an approval names it. */
  readonly hash: string
  /** uids of running pods that it stops although they do not fail; absent if it stops none. At most those of a node. */
  readonly stops?: readonly string[]
  readonly diff: string
  readonly timeoutMs: number
  /** Failing pods that the plan does not touch, and why: each thing in a plan has its own proof. */
  readonly leftOut?: readonly PodLeft[]
}

/** Location of a container in the object to write, for the JSON patch and its tests. */
export interface PlacedChange extends ImageChange {
  /** JSON pointer of the container, e.g. `/spec/template/spec/containers/0`. */
  readonly pointer: string
  /** The exact current text. In a resumed plan it may be the same image as `to`: then it is already written. */
  readonly was: string
}

/** The changes of one object, in one patch. */
export interface ImageEdit {
  readonly target: ObjectRef
  readonly resourceVersion: string
  readonly changes: readonly PlacedChange[]
  /** Annotations of the target as read (the undo annotation joins them). */
  readonly annotations: Readonly<Record<string, string>>
  /** A person reverts: the target remembers that these images are to stay. */
  readonly stays?: true
}

/** A pod that a node remedy should recover. */
export interface PodOnNode {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** A plan for a node. */
export interface NodePlan extends Plan {
  /** Pods that the remedy should recover, at most 64; empty if the node itself fails. */
  readonly pods: readonly PodOnNode[]
  /** Those for which it was proposed, if some of them no longer fail: the record keeps them, because its hash covers them. */
  readonly proposedFor?: readonly PodOnNode[]
}

/** A task for the agent of one node; the deadline is set when it is created. */
export interface NodeTaskRequest {
  /** Derived from the plan's hash, so that it is created once. */
  readonly name: string
  readonly spec: Omit<NodeTaskSpec, 'deadline'>
}

export type Verdict =
  /** No policy applies, or there is nothing (any more) to decide. */
  | { readonly kind: 'Ignore'; readonly why: string; readonly diagnosis?: Diagnosis }
  /** These facts are missing; ask again with them. */
  | { readonly kind: 'Ask'; readonly facts: readonly FactName[] }
  | {
      readonly kind: 'Hold'
      readonly policy: PolicyRef
      readonly reason: HoldReason
      /** For a policy in mode Observe: the guardrail that would hold it if it acted. */
      readonly foreseen?: HoldReason
      readonly message: string
      /** Exact time of the next check, ms since the epoch; an event may trigger an earlier one. */
      readonly requeueAt: number
      readonly plan?: Plan
      /** Deadline for the approval, ms since the epoch; set while one is requested. */
      readonly expiresAt?: number
      /** This plan will not be executed: its record ends with this reason. */
      readonly ends?: 'Denied' | 'Expired'
      readonly diagnosis: Diagnosis
    }
  | {
      readonly kind: 'Act'
      readonly policy: PolicyRef
      readonly plan: Plan
      readonly attempt: number
      /** The intent is on the record already (a crash came between intent and outcome). */
      readonly resume: boolean
      /** A part of the step is written already: if nothing more is, the attempt counts all the same. */
      readonly partly?: true
      readonly diagnosis: Diagnosis
    }
  /** An attempt is in progress: its outcome so far. */
  | {
      readonly kind: 'Verify'
      /** `Withdrawn`: nothing was written, so the step does not count, and the incident is decided anew. */
      readonly outcome: 'Waiting' | 'Succeeded' | 'Ineffective' | 'Cancelled' | 'Withdrawn'
      readonly reason: string
      readonly message: string
      readonly requeueAt: number
      /** The rest of a partly written step is not written any more: what the step keeps, to be verified. */
      readonly kept?: Kept
      /** What follows an ineffective remedy. */
      readonly next?:
        | { readonly kind: 'Undo'; readonly plan: Plan }
        | { readonly kind: 'Escalate' }
        | { readonly kind: 'Stop' }
    }

/** The pods and the node's tasks to which a step wrote; absent ones stay as recorded. */
export type Kept = Partial<Pick<RemediationStep, 'pods' | 'node'>>

export type VerdictOf<K extends Verdict['kind']> = Extract<Verdict, { kind: K }>

// The outcome of executing a plan. A thrown error means that it is unknown: the intent is on the record, and the next
// run resumes from there.

/** One write that the API server accepted. */
export interface Write {
  readonly verb: 'patched' | 'deleted' | 'evicted' | 'ordered' | 'flagged' | 'created'
  readonly ref: Pick<ObjectRef, 'kind' | 'name' | 'uid'> & { readonly namespace?: string }
}

/** A pod that is not changed. */
export interface PodLeft {
  readonly namespace?: string
  readonly name: string
  readonly uid: string
  readonly why: string
}

export type Outcome =
  | {
      readonly kind: 'Done'
      /** ms since the epoch. */
      readonly at: number
      readonly wrote: readonly Write[]
      /** Pods that changed, or may not be deleted: the rest of the plan was executed. */
      readonly left: readonly PodLeft[]
    }
  /** The object is already as planned; nothing was written. */
  | { readonly kind: 'AlreadyDone' }
  /** The object changed since it was read: check again. Nothing was written. */
  | { readonly kind: 'Stale'; readonly why: string; readonly retryAfterMs?: number }
  /** The API server rejects it. Nothing was written. `mayPass`: an API server that starts, or a webhook, may accept it soon. */
  | { readonly kind: 'Refused'; readonly why: string; readonly missingRight?: string; readonly mayPass?: true }

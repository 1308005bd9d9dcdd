/**
 * What came of carrying out a plan. An error that is thrown instead means that nobody knows: the intent stands on the
 * record, and the next run carries on from there.
 */
import type { ObjectRef } from '../api/kubernetes.ts'

/** One write that the API server accepted. */
export interface Write {
  readonly verb: 'patched' | 'deleted' | 'evicted' | 'ordered' | 'flagged' | 'created'
  readonly ref: Pick<ObjectRef, 'kind' | 'name' | 'uid'> & { readonly namespace?: string }
}

/** A pod of the plan that was left standing. */
export interface PodLeft {
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
      /** Pods that changed, or may not be deleted: the rest of the plan was carried out. */
      readonly left: readonly PodLeft[]
    }
  /** What the plan wants is so already; nothing was written. */
  | { readonly kind: 'AlreadyDone' }
  /** The world moved since it was looked at: look again. Nothing was written. */
  | { readonly kind: 'Stale'; readonly why: string; readonly retryAfterMs?: number }
  /** The API server will not have it, and will not the next time either. Nothing was written. */
  | { readonly kind: 'Refused'; readonly why: string; readonly missingRight?: string }

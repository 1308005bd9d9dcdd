/** What can happen to a record. Times (`at`, `lookAgainAt`) are ms since the epoch. */
import type { RewriteImagePlan, Verdict } from '../decide/verdict.ts'
import type { Outcome } from '../act/outcome.ts'
import type { Reason } from './reasons.ts'

export type VerdictOf<K extends Verdict['kind']> = Extract<Verdict, { kind: K }>

/** What the incident looked like; told with each change so that a write carries it. */
export interface Sight {
  readonly failingPods: number
  /** ms since the epoch at which the first of them began to fail. */
  readonly firstSeen?: number | undefined
}

export type StatusChange = { readonly at: number; readonly sight?: Sight } & (
  | { readonly kind: 'Held'; readonly verdict: VerdictOf<'Hold'> }
  | { readonly kind: 'Intended'; readonly verdict: VerdictOf<'Act'> }
  | { readonly kind: 'UndoIntended'; readonly plan: RewriteImagePlan }
  | { readonly kind: 'Acted'; readonly outcome: Outcome; readonly lookAgainAt?: number }
  | {
      readonly kind: 'Proven'
      readonly verdict: VerdictOf<'Prove'>
      /** Image digests that now run, by container, where the kubelet told. */
      readonly digests?: Readonly<Record<string, string>>
    }
  /** Nothing is left to do: it recovered, its owner is gone, a person said no. */
  | { readonly kind: 'Closed'; readonly reason: Reason; readonly message: string }
)

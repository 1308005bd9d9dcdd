import type { PolicySpec } from './policy.ts'
import type { CompiledRule, Rewritten } from './rewrite-rules.ts'

/** A policy that was understood: its spec with defaults, its patterns compiled. */
export interface AdmittedPolicy {
  readonly name: string
  /** Empty where the policy never was on a server. */
  readonly uid: string
  readonly generation: number
  /** ms since the epoch; 0 where the policy never was on a server. */
  readonly createdAt: number
  readonly spec: PolicySpec
  readonly matches: {
    /** Whether a glob of `match.images` covers the image; true without any. */
    readonly image: (normalForm: string) => boolean
    readonly message: (text: string) => boolean
    /** New reference, or undefined where no rule applies; a sentence where one applies but its result is none. */
    readonly rewrite: (normalForm: string) => Rewritten
  }
  readonly rules: readonly CompiledRule[]
}

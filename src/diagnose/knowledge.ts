import type { Cause } from '../api/causes.ts'

/** What the catalogue knows, as far as diagnose asks it. */
export interface Knowledge {
  readonly classify: (signal: { readonly reason: string; readonly message: string }) => {
    readonly cause: Cause
    readonly row?: string
  }
  /** Causes that a registry's answer may put in the place of this one. */
  readonly refinements: (cause: Cause) => readonly Cause[]
}

/** Longest message that is looked at or kept, in characters. */
export const MAX_MESSAGE = 4096

/** What a back-off may turn out to be, whatever somebody's Event says of it. */
export const unknownToBackOff = (cause: Cause, { refinements }: Knowledge): readonly Cause[] =>
  [...new Set([...refinements(cause), ...refinements('BackOffOnly')])].filter((other) => other !== cause)

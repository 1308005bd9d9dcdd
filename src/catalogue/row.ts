import type { Cause } from '../model/causes.ts'
import type { ContextName } from './contexts.ts'

/**
 * A piece that a message must or must not have, against its normal form (see `normalise` in `matcher.ts`): a literal in lower case,
 * or an RE2 pattern, which is only run where the row's literals were all found.
 */
export type Piece = string | { readonly re: string }

/**
 * One known failure. A row matches when all of `all`, at least one of `any` and none of `not` occur, and its conditions on
 * reason, context and gRPC code hold. Each row needs a literal in `all`, or only literals in `any`: the matcher
 * finds its candidates by these. The first row that matches decides, so specific endings come before general beginnings.
 */
export interface Row {
  /** Kebab-case, unique, stable: metrics and records name it. */
  readonly id: string
  readonly cause: Cause
  /** Event or waiting reasons to which the row is confined; a message without a reason matches too. */
  readonly reasons?: readonly string[]
  /** What the kubelet must have been doing, one of these; without it the message alone is specific enough. */
  readonly during?: readonly ContextName[]
  /** gRPC status codes, in lower case, one of which the message must carry; `*` is any. */
  readonly codes?: readonly string[]
  readonly all?: readonly Piece[]
  readonly any?: readonly Piece[]
  readonly not?: readonly Piece[]
  /** A message as the program writes it, which this row and no earlier one must match. */
  readonly sample: { readonly reason: string; readonly message: string }
  /** Where the message comes from: an address, or the program and the path in its source. */
  readonly source: string
  /** What it means and what a person can do, in a short paragraph. */
  readonly explain: string
}

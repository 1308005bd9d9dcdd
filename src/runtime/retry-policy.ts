import { backoffMs } from './backoff.ts'
import type { KubeError, Verb } from './errors.ts'

export const READS: readonly Verb[] = ['get', 'list', 'watch']
const MAX_ATTEMPTS = 4
/** Waiting longer is the caller's business, who can do other work meanwhile. */
const LONGEST_WAIT_MS = 10_000

/**
 * How long to wait before trying once more; undefined: not at all. A 429 or 503 with Retry-After was refused before
 * anything was done, and a request that never left did nothing either: these two are repeated for writes as well,
 * nothing else is.
 */
export const nextAttemptMs = (verb: Verb, error: KubeError, sent: boolean, attempt: number): number | undefined => {
  // Whoever watches has a back-off of their own.
  if (attempt >= MAX_ATTEMPTS || verb === 'watch') return undefined
  // An eviction answers 429 for a disruption budget: that is an answer, not a refusal to serve.
  const budget = error.details?.causes?.some((cause) => cause.reason === 'DisruptionBudget') === true
  const wishMs = error.status === 429 || error.status === 503 ? error.retryAfterMs : undefined
  if (wishMs !== undefined && !budget) return wishMs > LONGEST_WAIT_MS ? undefined : wishMs * (1 + Math.random() / 4)
  const readAgain =
    READS.includes(verb) && (error.status >= 500 || error.status === 429 || error.reason === 'Unreachable')
  return readAgain || !sent ? backoffMs({ baseMs: 200, maxMs: 2_000 }, attempt) : undefined
}

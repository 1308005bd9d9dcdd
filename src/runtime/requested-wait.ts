/** Limits of a wait that a server requests, ms. */
export interface WaitBounds {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * The wait that another program requests, in ms: limited, because `0` would allow requests without a pause and `3600` would
 * stop them for an hour. Then lengthened by up to a quarter, so that clients that got the same answer do not return
 * together. `random` in [0, 1).
 */
export const boundedWaitMs = (askedMs: number, { minMs, maxMs }: WaitBounds, random = Math.random()): number =>
  Math.min(maxMs, Math.max(minMs, askedMs)) * (1 + random / 4)

/** The headers that Retry-After depends on. */
export interface RetryAfterHeaders {
  readonly 'retry-after'?: string | undefined
  readonly date?: string | undefined
}

/**
 * The wait in Retry-After, in ms from now, not limited yet: seconds, or a date (RFC 9110, 10.2.3). A date is compared
 * with the Date header of the same response, if there is one, because the two clocks may differ. Undefined if it is neither.
 */
export const retryAfterMs = (headers: RetryAfterHeaders, now: number): number | undefined => {
  const asked = headers['retry-after']?.trim() ?? ''
  if (/^\d+$/.test(asked)) return Number(asked) * 1_000
  // Date.parse also takes "-5" and "2": every form of an HTTP date begins with a weekday.
  if (!/^[a-z]{3}/i.test(asked)) return undefined
  const sentAt = Date.parse(headers.date ?? '')
  const ms = Date.parse(asked) - (Number.isNaN(sentAt) ? now : sentAt)
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** How long a client may be told to wait, ms. */
export interface WaitBounds {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * A wait that another program asks for, in ms: within bounds, because `0` would let us ask without pause and `3600` would
 * keep us away for an hour. Then lengthened by up to a quarter, so that those who were told the same do not return
 * together. `random` in [0, 1).
 */
export const boundedWaitMs = (askedMs: number, { minMs, maxMs }: WaitBounds, random = Math.random()): number =>
  Math.min(maxMs, Math.max(minMs, askedMs)) * (1 + random / 4)

/** The headers that it takes to understand Retry-After. */
export interface RetryAfterHeaders {
  readonly 'retry-after'?: string | undefined
  readonly date?: string | undefined
}

/**
 * What Retry-After asks for, in ms from now, not bounded yet: seconds, or a date (RFC 9110, 10.2.3). A date is compared
 * with the answer's own Date where it has one, because the two clocks may differ. Undefined where it is neither.
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

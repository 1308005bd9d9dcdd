import type { Clock } from './clock.ts'

/** At most `burst` at once and `perSecond` in the long run. */
export interface TokenBucket {
  /** Takes a token if there is one. */
  tryTake(): boolean
  /** Milliseconds until there is a token; 0 when there is one. */
  waitMs(): number
}

export const createTokenBucket = (
  { perSecond, burst = 1 }: { readonly perSecond: number; readonly burst?: number },
  clock: Pick<Clock, 'monotonic'>,
): TokenBucket => {
  let tokens = burst
  let filledAt = clock.monotonic()
  const fill = () => {
    const now = clock.monotonic()
    tokens = Math.min(burst, tokens + ((now - filledAt) * perSecond) / 1_000)
    filledAt = now
  }
  // Parts of a token are lost to rounding: without slack a wait of `waitMs` could end a hair too early, for ever.
  const ENOUGH = 1 - 1e-6
  return {
    tryTake: () => {
      fill()
      if (tokens < ENOUGH) return false
      tokens -= 1
      return true
    },
    waitMs: () => {
      fill()
      return tokens >= ENOUGH ? 0 : Math.ceil(((1 - tokens) * 1_000) / perSecond)
    },
  }
}

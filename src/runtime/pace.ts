import { setBounded } from './bounded-map.ts'
import type { Clock } from './clock.ts'

/** Spreads what costs a request over time: so many at once, then so many a second, for each share by itself. */
export interface Pace {
  /**
   * How long this key has to wait, ms; 0 uses its turn up. A key that waits keeps its turn: asked too early, it is told the
   * rest.
   */
  readonly waitMs: (share: string, key: string) => number
}

export interface PaceOptions {
  readonly perSecond: number
  /** A share that was idle may have so many at once. */
  readonly burst: number
  readonly clock: Clock
}

/** Shares and keys that are remembered. A forgotten share begins anew, a forgotten key waits for another turn. */
const MAX_REMEMBERED = 20_000

export const createPace = ({ perSecond, burst, clock }: PaceOptions): Pace => {
  const gapMs = 1_000 / perSecond
  /** When the last turn of a share is, monotonic ms. */
  const lastTurn = new Map<string, number>()
  const turns = new Map<string, number>()
  return {
    waitMs: (share, key) => {
      const now = clock.monotonic()
      let turn = turns.get(key)
      if (turn === undefined) {
        turn = Math.max(lastTurn.get(share) ?? Number.NEGATIVE_INFINITY, now - burst * gapMs) + gapMs
        setBounded(lastTurn, share, turn, MAX_REMEMBERED)
      }
      turns.delete(key)
      if (turn <= now) return 0
      setBounded(turns, key, turn, MAX_REMEMBERED)
      return turn - now
    },
  }
}

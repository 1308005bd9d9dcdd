/** Spreads actions over time: at most `perSecond`, however many incidents are ready at once. */
export interface Pace {
  /**
   * 0 where this key may act now; else the ms until the slot that was reserved for it. A key that comes back
   * at its slot finds it free; one that never comes back loses its slot and nobody waits for it twice.
   */
  readonly ask: (key: string, now: number) => number
}

/** How long a reserved slot is kept for a key that is late. */
const GRACE_MS = 5_000

/** See Pace. Memory is one entry for each waiting key. */
export const createPace = (perSecond: number): Pace => {
  const gap = 1_000 / perSecond
  const slots = new Map<string, number>()
  let next = 0
  return {
    ask: (key, now) => {
      const mine = slots.get(key)
      if (mine !== undefined && now >= mine) {
        slots.delete(key)
        if (now - mine <= GRACE_MS) return 0
      } else if (mine !== undefined) return mine - now
      if (next <= now) {
        next = now + gap
        return 0
      }
      const slot = next
      next += gap
      slots.set(key, slot)
      return slot - now
    },
  }
}

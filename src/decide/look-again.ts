/** How long a hold waits where nothing tells an exact time, ms. An earlier signal comes first in any case. */

/** A slot that frees up soon, a cache that is about to be filled. */
export const SOON = 5_000
/** Something out of our hands that often passes by itself: a registry that does not answer, a pause. */
export const LATER = 30_000
/** Waits for a person, whose change gives a signal of its own. */
export const RARELY = 5 * 60_000

export const HOUR = 60 * 60_000
export const DAY = 24 * HOUR

/** Exponential back-off in milliseconds: `baseMs`, doubled with each failure up to `maxMs`, then jittered to 50–100 %. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/** Delay after the n-th failure in a row (1 is the first). `random` in [0, 1). */
export const backoffMs = ({ baseMs, maxMs }: Backoff, failures: number, random = Math.random()): number =>
  Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1))) * (0.5 + random / 2)

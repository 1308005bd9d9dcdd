import { describe, expect, it } from 'vitest'
import { createManualClock } from './clock.ts'
import { createTokenBucket } from './token-bucket.ts'

describe('the token bucket', () => {
  it('gives its burst at once and its rate after that', async () => {
    const clock = createManualClock()
    const bucket = createTokenBucket({ perSecond: 2, burst: 3 }, clock)
    const taken = () => [bucket.tryTake(), bucket.tryTake(), bucket.tryTake(), bucket.tryTake()].filter(Boolean).length
    expect(taken()).toBe(3)
    expect(bucket.waitMs()).toBe(500)
    await clock.advance(1_000)
    expect(taken()).toBe(2)
    await clock.advance(3_600_000)
    expect(taken()).toBe(3)
  })

  it('has a token after just the wait that it named', async () => {
    const clock = createManualClock()
    const bucket = createTokenBucket({ perSecond: 3 }, clock)
    for (let n = 0; n < 100; n += 1) {
      await clock.advance(bucket.waitMs())
      expect(bucket.tryTake()).toBe(true)
    }
    expect(clock.monotonic()).toBeGreaterThanOrEqual(99 * 333)
  })
})

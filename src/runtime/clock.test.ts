import { expect, test } from 'vitest'
import { createCautiousNow, createManualClock } from './clock.ts'

test.each([
  ['a day forward', 86_400_000, 0],
  ['a day back', -86_400_000, -86_400_000],
])('what expires by wall time does not do so early when the clock jumps %s', async (_, jump, expected) => {
  const clock = createManualClock(1_000_000_000_000)
  const now = createCautiousNow(clock)
  await clock.advance(5_000)
  clock.jump(jump)
  await clock.advance(5_000)
  expect(now()).toBe(1_000_000_010_000 + expected)
  clock.jump(-jump)
  expect(now()).toBe(1_000_000_010_000)
})

import { expect, it } from 'vitest'
import { createManualClock } from './clock.ts'
import { createPace } from './pace.ts'

const paceOf = () => {
  const clock = createManualClock()
  return { clock, pace: createPace({ perSecond: 10, burst: 3, clock }) }
}

it('lets so many through at once, and then one after another', () => {
  const { pace } = paceOf()
  expect([1, 2, 3, 4, 5, 6].map((i) => pace.waitMs('a', `k${i}`))).toEqual([0, 0, 0, 100, 200, 300])
})

it('counts each share by itself', () => {
  const { pace } = paceOf()
  for (let i = 0; i < 100; i += 1) pace.waitMs('a', `k${i}`)
  expect(pace.waitMs('b', 'k')).toBe(0)
})

it('keeps the turn of a key that asks again, too early or in time, and only once', async () => {
  const { pace, clock } = paceOf()
  for (let i = 0; i < 4; i += 1) pace.waitMs('a', `k${i}`)
  await clock.advance(40)
  expect(pace.waitMs('a', 'k3')).toBe(60)
  await clock.advance(60)
  expect(pace.waitMs('a', 'k3')).toBe(0)
  expect(pace.waitMs('a', 'k3')).toBe(100)
})

it('grants no more after a long time than at first', async () => {
  const { pace, clock } = paceOf()
  pace.waitMs('a', 'k')
  await clock.advance(86_400_000)
  expect([1, 2, 3, 4].map((i) => pace.waitMs('a', `k${i}`))).toEqual([0, 0, 0, 100])
})

import { expect, test } from 'vitest'
import { createManualClock } from '../runtime/clock.ts'
import { createRateLimiter, createReservations } from './limits.ts'

const attempt = { policy: 'p', incident: 'i', at: 0 }

test('what was decided on counts for everyone else until it is released', () => {
  const reservations = createReservations()
  reservations.take('o/image', attempt)
  expect(reservations.without('other/image')).toEqual([attempt])
  expect(reservations.without('o/image')).toEqual([])
  reservations.release('o/image')
  expect(reservations.without('other/image')).toEqual([])
})

test('a node on which something was decided is under repair for the others, a workload is none', () => {
  const reservations = createReservations()
  reservations.take('node-uid/IptablesChainMissing', attempt)
  reservations.take('o/image', attempt)
  expect(reservations.nodesWithout('other/RuntimeUnresponsive')).toEqual(['node-uid'])
  expect(reservations.nodesWithout('node-uid/IptablesChainMissing')).toEqual([])
})

/** A limiter whose keys act when their turn comes, and a journal of which acted at what time. */
const limiterOf = (perSecond: number, onTurn?: (key: string) => void) => {
  const clock = createManualClock()
  const acted: string[] = []
  const act = (key: string): boolean => {
    const may = limiter.mayAct(key)
    if (may) acted.push(`${key}@${clock.monotonic()}`)
    return may
  }
  const limiter = createRateLimiter({ perSecond, clock, onTurn: onTurn ?? act })
  return { limiter, clock, acted, act }
}

test('the first key acts at once, the next waits for its turn and may act then', async () => {
  const { clock, acted, act } = limiterOf(2)
  expect(act('a')).toBe(true)
  expect(act('b')).toBe(false)
  expect(act('c')).toBe(false)
  await clock.advance(400)
  expect(act('b')).toBe(false)
  await clock.advance(2_000)
  expect(acted).toEqual(['a@0', 'b@500', 'c@1000'])
})

test('500 keys at 5 a second are spread over 100 seconds, no two in one turn', async () => {
  const { clock, acted, act } = limiterOf(5)
  for (let i = 0; i < 500; i += 1) act(`k${i}`)
  await clock.advance(499 * 200)
  expect(acted).toEqual(Array.from({ length: 500 }, (_, i) => `k${i}@${i * 200}`))
})

test('a key that comes too late takes a new turn', async () => {
  const told: string[] = []
  const { limiter, clock } = limiterOf(1, (key) => told.push(key))
  limiter.mayAct('a')
  expect(limiter.mayAct('b')).toBe(false)
  await clock.advance(1_000)
  expect(told).toEqual(['b'])
  await clock.advance(9_000)
  expect(limiter.mayAct('c')).toBe(true)
  expect(limiter.mayAct('b')).toBe(false)
  await clock.advance(1_000)
  expect(told).toEqual(['b', 'b'])
  expect(limiter.mayAct('b')).toBe(true)
})

test('a key that is a little late finds its turn kept, once', async () => {
  const { limiter, clock } = limiterOf(1, () => undefined)
  limiter.mayAct('a')
  limiter.mayAct('b')
  await clock.advance(5_000)
  expect(limiter.mayAct('b')).toBe(true)
  expect(limiter.mayAct('b')).toBe(true)
  expect(limiter.mayAct('b')).toBe(false)
})

test('time in which nobody acted makes no room for a burst', async () => {
  const { clock, acted, act } = limiterOf(10)
  act('a')
  await clock.advance(10_000)
  for (const key of ['b', 'c', 'd']) act(key)
  await clock.advance(1_000)
  expect(acted).toEqual(['a@0', 'b@10000', 'c@10100', 'd@10200'])
})

test('what a late timer cost is made good, but no more than one turn', async () => {
  const { clock, acted, act } = limiterOf(10)
  for (const key of ['a', 'b', 'c', 'd', 'e']) act(key)
  await clock.advance(0)
  clock.block(130)
  await clock.advance(70)
  expect(acted).toEqual(['a@0', 'b@130', 'c@200'])
  clock.block(1_000)
  await clock.advance(99)
  expect(acted.slice(3)).toEqual(['d@1200', 'e@1200'])
})

test('no turn comes once it is stopped, and no timer is left', async () => {
  const { limiter, clock, acted, act } = limiterOf(1)
  act('a')
  act('b')
  limiter.stop()
  await clock.advance(10_000)
  expect(act('c')).toBe(false)
  expect(acted).toEqual(['a@0'])
  expect(clock.pending()).toBe(0)
})

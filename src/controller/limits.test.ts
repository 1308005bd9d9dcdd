import { expect, test } from 'vitest'
import { createPace, createReservations } from './limits.ts'

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

test('the first key acts at once, the next waits for its slot and finds it free then', () => {
  const pace = createPace(2)
  expect(pace.ask('a', 1_000)).toBe(0)
  expect(pace.ask('b', 1_000)).toBe(500)
  expect(pace.ask('c', 1_000)).toBe(1_000)
  expect(pace.ask('b', 1_400)).toBe(100)
  expect(pace.ask('b', 1_500)).toBe(0)
  expect(pace.ask('c', 2_000)).toBe(0)
})

test('500 keys at 5 a second are spread over 100 seconds, no two in one slot', () => {
  const pace = createPace(5)
  const delays = Array.from({ length: 500 }, (_, i) => pace.ask(`k${i}`, 0))
  expect(new Set(delays).size).toBe(500)
  expect(Math.max(...delays)).toBe(499 * 200)
})

test('a key that comes too late takes a new slot', () => {
  const pace = createPace(1)
  pace.ask('a', 0)
  expect(pace.ask('b', 0)).toBe(1_000)
  pace.ask('c', 10_000)
  expect(pace.ask('b', 10_000)).toBe(1_000)
})

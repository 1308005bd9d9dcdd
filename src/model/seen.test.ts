import { expect, test } from 'vitest'
import { aRecord, aStep } from '../decide/testing.ts'
import { recordAsOf, timeAsOf } from './seen.ts'

const DAY = 86_400_000
const NOON = Date.parse('2030-01-01T12:00:00Z')
const seen = { wall: NOON, monotonic: 5_000 }

test.each<[string, number, number, number, number]>([
  ['no jump', NOON - 60_000, 0, 30_000, 90_000],
  ['a day forward', NOON - 60_000, DAY, 30_000, 90_000],
  ['a day back', NOON - 60_000, -DAY, 30_000, 90_000],
  ['a time of tomorrow', NOON + DAY, 0, 30_000, 30_000],
  ['a time of tomorrow, and the clock is set a day back', NOON + DAY, -DAY, 30_000, 30_000],
  ['a clock that is slightly ahead', NOON + 2_000, 0, 30_000, 28_000],
])('the age of what was seen: %s', (_, at, jump, later, age) => {
  const now = { wall: NOON + later + jump, monotonic: 5_000 + later }
  expect(now.wall - timeAsOf(at, seen, now)).toBe(age)
})

test('a record that needs no change is the same object', () => {
  const record = aRecord({ steps: [aStep()] })
  const wall = Date.parse('2026-03-01T12:00:00Z')
  expect(recordAsOf(record, { wall, monotonic: 0 }, { wall: wall + 5_000, monotonic: 5_000 })).toBe(record)
})

test('the times of a record move with the clock, but its attempts stay: they identify what was counted', () => {
  const time = new Date(NOON - 1_000).toISOString()
  const record = aRecord({
    steps: [aStep({ intendedAt: time, actedAt: new Date(NOON + DAY).toISOString() })],
    status: { startedAt: time, attempts: [time] },
  })
  const { status } = recordAsOf(record, seen, { wall: NOON - DAY, monotonic: 5_000 })
  expect(status).toMatchObject({
    startedAt: new Date(NOON - DAY - 1_000).toISOString(),
    attempts: [time],
    steps: [{ intendedAt: new Date(NOON - DAY - 1_000).toISOString(), actedAt: new Date(NOON - DAY).toISOString() }],
  })
  expect(status?.finishedAt).toBeUndefined()
})

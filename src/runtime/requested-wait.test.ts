import { expect, it } from 'vitest'
import { boundedWaitMs, retryAfterMs } from './requested-wait.ts'

const NOW = Date.UTC(2030, 0, 1)
const at = (ms: number): string => new Date(NOW + ms).toUTCString()
const DAY = 86_400_000

it.each<[string, { 'retry-after'?: string; date?: string }, number | undefined]>([
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['no seconds', { 'retry-after': '0' }, 0],
  ['seconds with spaces', { 'retry-after': ' 120 ' }, 120_000],
  ['a number without end', { 'retry-after': '9'.repeat(400) }, Number.POSITIVE_INFINITY],
  ['a date', { 'retry-after': at(5_000) }, 5_000],
  ['a date that is over', { 'retry-after': at(-5_000) }, 0],
  ['a date by a clock a day ahead, which the answer shows', { 'retry-after': at(DAY + 5_000), date: at(DAY) }, 5_000],
  ['a date beside a Date that is none', { 'retry-after': at(5_000), date: 'now' }, 5_000],
  ['a negative number', { 'retry-after': '-5' }, undefined],
  ['a fraction', { 'retry-after': '1.5' }, undefined],
  ['words', { 'retry-after': 'soon' }, undefined],
  ['an empty header', { 'retry-after': '' }, undefined],
  ['no header', {}, undefined],
])('Retry-After: %s', (_, headers, expected) => {
  expect(retryAfterMs(headers, NOW)).toBe(expected)
})

it.each([
  [0, 500],
  [-1, 500],
  [3_000, 3_000],
  [3_600_000, 60_000],
  [Number.POSITIVE_INFINITY, 60_000],
])('a wait of %s ms is one of %s ms, and up to a quarter longer', (asked, ms) => {
  const bounds = { minMs: 500, maxMs: 60_000 }
  expect(boundedWaitMs(asked, bounds, 0)).toBe(ms)
  expect(boundedWaitMs(asked, bounds, 1)).toBe(ms * 1.25)
})

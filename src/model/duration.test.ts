import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'

describe('durations', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
    ['168h', 604_800_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', '5', 's', '1.5h', '-1s', '1d', '5 m', '1h 30m', '٣s', '1234567s', '1s1s1s1s1s'])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow('is not a duration; expected a number with a unit')
    },
  )

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [59_400, '59s'],
    [59_600, '1m'],
    [90_000, '1m30s'],
    [3_661_000, '1h1m'],
    [-5, '0ms'],
  ])('writes %d as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

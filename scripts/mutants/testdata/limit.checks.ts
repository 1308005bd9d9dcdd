import { expect, test } from 'vitest'
import { isAbove, isFree, isNew, MOST, sum } from './limit.ts'

const most = MOST

test('above', () => {
  expect(isAbove(3)).toBe(false)
  expect([isAbove(most), isAbove(most + 1), isAbove(0)]).toEqual([false, true, false])
})

test('free, away from the limit', () => {
  expect([isFree(0), isFree(9)]).toEqual([true, false])
})

test('sum', () => {
  expect(sum(3)).toBe(6)
})

test('new, which it is only once', () => {
  expect(isNew('a')).toBe(true)
})

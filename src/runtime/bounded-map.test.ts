import { expect, test } from 'vitest'
import { setBounded } from './bounded-map.ts'

test('beyond its bound a map forgets the key that was set longest ago, and returns its value', () => {
  const map = new Map<string, number>()
  expect(setBounded(map, 'a', 1, 2)).toBeUndefined()
  expect(setBounded(map, 'b', 2, 2)).toBeUndefined()
  expect(setBounded(map, 'c', 3, 2)).toBe(1)
  expect([...map.keys()]).toEqual(['b', 'c'])
})

test('a key that is set again counts as new, and no other is forgotten for it', () => {
  const map = new Map([['a', 1] as const, ['b', 2] as const]) as Map<string, number>
  expect(setBounded(map, 'a', 3, 2)).toBeUndefined()
  expect([...map]).toEqual([
    ['b', 2],
    ['a', 3],
  ])
  expect(setBounded(map, 'c', 4, 2)).toBe(2)
})

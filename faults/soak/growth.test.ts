import { expect, test } from 'vitest'
import { judgeGrowth, type Sample } from './growth.ts'

const samples = (minutes: number, memory: (share: number) => number, connections = 10): readonly Sample[] =>
  Array.from({ length: minutes * 6 + 1 }, (_, i) => ({
    at: i * 10_000,
    memoryMiB: memory(i / (minutes * 6)),
    connections,
  }))

test.each<[string, readonly Sample[], readonly string[]]>([
  ['flat memory passes', samples(10, (share) => 100 + 8 * Math.sin(share * 50)), []],
  ['a leak is found', samples(10, (share) => 100 + 60 * share), ['memory grew from 110 to 151 MiB']],
  ['one peak is no leak', samples(10, (share) => (share > 0.5 && share < 0.55 ? 300 : 100)), []],
  ['connections that are not closed are found', samples(10, () => 100, 40), ['40 connections were open at once']],
  ['a short time is not judged by its memory', samples(3, (share) => 100 + 900 * share), []],
  ['nothing is nothing', [], []],
])('%s', (_, given, complaints) => {
  expect(judgeGrowth(given).complaints).toEqual(complaints)
})

test('what was not judged is said', () => {
  expect(judgeGrowth(samples(3, () => 100)).memoryMiB).toBeUndefined()
  expect(judgeGrowth(samples(5, () => 100)).memoryMiB).toEqual([100, 100])
})

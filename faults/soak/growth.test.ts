import { expect, test } from 'vitest'
import { judgeUsage, type Sample } from './growth.ts'

type Over = (share: number) => number

const samples = (minutes: number, memory: Over, connections: Over = () => 10): readonly Sample[] =>
  Array.from({ length: minutes * 6 + 1 }, (_, i) => ({
    at: i * 10_000,
    memoryMiB: memory(i / (minutes * 6)),
    connections: connections(i / (minutes * 6)),
  }))

const judge = (given: readonly Sample[]) => judgeUsage({ all: given, ofOne: given, limitMiB: 384 })

test.each<[string, readonly Sample[], readonly string[]]>([
  ['flat memory passes', samples(10, (share) => 100 + 8 * Math.sin(share * 50)), []],
  ['a leak is found', samples(10, (share) => 100 + 60 * share), ['memory grew from 110 to 151 MiB']],
  ['one peak is no leak', samples(10, (share) => (share > 0.5 && share < 0.55 ? 300 : 100)), []],
  [
    'more memory than the limit is found, also in a short time',
    samples(1, (share) => 100 + 300 * share),
    ['400 MiB of memory were used at once'],
  ],
  [
    'connections that are not closed are found, also in a short time',
    samples(
      1,
      () => 100,
      () => 40,
    ),
    ['40 connections were open at once'],
  ],
  [
    'connections that become more are found before they are too many',
    samples(
      10,
      () => 100,
      (share) => Math.round(8 + 18 * share),
    ),
    ['connections grew from 11 to 23'],
  ],
  ['a short time is not judged by growth', samples(3, (share) => 100 + 200 * share), []],
  ['nothing measured is no pass', [], ['memory and connections were never measured']],
])('%s', (_, given, complaints) => {
  expect(judge(given).complaints).toEqual(complaints)
})

test('what was measured, and what was not judged, is said', () => {
  expect(judge(samples(2, () => 100)).lines).toEqual([
    'connections: at most 10 at once; allowed 28',
    "memory: at most 100 MiB at once; allowed 384, the chart's limit",
    'growth: not judged; one process lived for 2.0 min, and 4 are needed (--minutes 9)',
  ])
  expect(judge(samples(5, () => 100)).lines.slice(2)).toEqual([
    'growth of memory: 100 → 100 MiB in one process; allowed 20 more',
    'growth of connections: 10 → 10; allowed 6 more',
  ])
})

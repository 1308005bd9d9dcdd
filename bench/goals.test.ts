import { expect, it } from 'vitest'
import { summaryOf } from './document.ts'
import { goalsOf, isMet, sentenceOf } from './goals.ts'
import type { Results } from './results.ts'
import { tablesOf } from './tables.ts'

const measured = <T>(figures: T) => ({
  date: '2030-01-02',
  machine: { cpu: 'x', cores: 2, memoryGiB: 8, load: 0.25, node: 'v26', kubernetes: 'v1.36' },
  tookS: 61.4,
  figures,
})

const memory = (resident: number) => ({ resident, anonymous: 0 })

const results = (figures: Record<string, unknown>): Results =>
  Object.fromEntries(Object.entries(figures).map(([row, of]) => [row, measured(of)]))

const residences = (others: readonly { name: string; full: number }[]) =>
  results({
    P3: {
      pods: 1_000,
      contenders: [{ name: 'podmend', full: 100_300_000 }, ...others].map(({ name, full }) => ({
        name,
        empty: memory(100_000_000),
        full: memory(full),
      })),
    },
  })

it('names those that are better than podmend, the best first', () => {
  const [, bytes] = goalsOf(
    residences([
      { name: 'worse', full: 200_000_000 },
      { name: 'better', full: 100_200_000 },
      { name: 'best', full: 100_100_000 },
    ]),
  )
  expect(bytes && sentenceOf(bytes)).toBe(
    'bytes per healthy pod: 300 (goal ≤ 200), NOT met. Lost to best (100), better (200).',
  )
})

it('says that a goal is met, and does not compare podmend with another form of itself', () => {
  const goals = goalsOf(residences([{ name: 'podmend (.ts)', full: 100_000_000 }]))
  expect(goals.map(sentenceOf)).toEqual([
    'RSS with 1000 healthy pods / without: 1 (goal ≤ 1.15), met.',
    'bytes per healthy pod: 300 (goal ≤ 200), NOT met.',
  ])
})

it('counts a figure that could not be measured as not met', () => {
  const start = (name: string, readyMs?: number, peak?: number) => ({ name, readyMs, peak, settled: 100 })
  const goals = goalsOf(results({ P4: { contenders: [start('podmend'), start('other', 900, 110)] } }))
  expect(goals.map(isMet)).toEqual([false, false])
  expect(goals.map(sentenceOf)).toEqual([
    'ready: 0 (goal ≥ 1), NOT met. Lost to other (1).',
    'peak / settled: NaN (goal ≤ 1.25), NOT met.',
  ])
})

it('a contender without a figure, or with one that JSON cannot hold, wins nothing', () => {
  const contenders = [{ name: 'podmend', noticedS: 1, healedS: 30, missed: 0 }]
  for (const healedS of [Number.NEGATIVE_INFINITY, Number.NaN, null])
    expect(
      goalsOf(results({ P13: { contenders: [...contenders, { name: 'other', healedS, missed: 20 }] } }))[0],
    ).toEqual(expect.objectContaining({ value: 30, others: [] }))
})

it('a rate that is higher than another is better where the goal is a least', () => {
  const figures = { messages: 1, rows: 1, classified: 90_000, loop: 95_000, policies: 1, matched: 1, pods: 1 }
  const [rate] = goalsOf(results({ P11: { ...figures, slowest: { source: 'a|b', ms: 1 }, sync: [] } }))
  expect(rate && sentenceOf(rate)).toBe(
    'messages per second: 90000 (goal ≥ 100000), NOT met. Lost to a loop over the same rows (95000).',
  )
})

it('each row says when, where and in what time it was measured, and the summary how many goals were met', () => {
  const found = results({ P9: { patterns: 400, memory: memory(80_000_000) } })
  expect(tablesOf(found)).toContain('Measured on 2030-01-02 in 61 s; load average 0.3 before the start.')
  expect(summaryOf(goalsOf(found))).toMatch(/1 of 1 goals met; 0 lost to another contender$/)
})

it('shows a dash for what JSON could not keep', () => {
  const contenders = [{ name: 'podmend', noticedS: 1, healedS: null, missed: 20 }]
  const found = results({ P13: { incidents: 20, contenders } })
  expect(tablesOf(found)).toContain('| podmend | 1.0 | – | 20 of 20 |')
  expect(goalsOf(found).map(isMet)).toEqual([false, false])
})

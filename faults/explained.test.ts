import { describe, expect, test } from 'vitest'
import type { End, EndedRecord } from './end.ts'
import { createSettled, SETTLED_MS, unexplained } from './explained.ts'

const record = (phase: string, reason: string, steps: readonly string[] = []): EndedRecord => ({
  phase,
  reason,
  isFinished: false,
  attempts: 1,
  steps,
})

const end = (records: readonly EndedRecord[], original?: string): End => ({
  images: ['new'],
  original,
  pods: [],
  records,
  flags: [],
  policies: [],
})

const BEGUN = ['RewriteImage Intended']

describe('an end after a step of a person', () => {
  test('is explained by a record that is held or finished', () => {
    expect(unexplained(end([record('Held', 'PolicySuspended')]))).toEqual([])
    expect(unexplained(end([record('Succeeded', 'Repaired', ['RewriteImage Succeeded'])], '{}'))).toEqual([])
  })

  test('is not explained by work that goes on', () => {
    expect(unexplained(end([record('Running', 'Acting', BEGUN)]), { stops: 'OperatorPaused' })).toEqual([
      'a record stays Running Acting',
    ])
    expect(unexplained(end([record('Verifying', 'Verifying')]), { stops: 'OperatorPaused' })).toHaveLength(1)
  })

  test('is not explained by a step that is stopped and yet in progress', () => {
    const paused = end([record('Running', 'OperatorPaused', BEGUN)])
    expect(unexplained(paused, { stops: 'OperatorPaused' })).toEqual(['a record stays Running OperatorPaused'])
  })

  test('stays in verification only where an undo waits', () => {
    for (const [stops, complaints] of [
      ['PolicySuspended', 0],
      ['OperatorPaused', 0],
      ['ObserveOnly', 1],
      ['OptedOut', 1],
    ] as const)
      expect(unexplained(end([record('Verifying', stops)]), { stops })).toHaveLength(complaints)
  })

  test('is not explained where the workload was changed and no record has a step that did it', () => {
    const complaint = /no record has a step that did it/
    expect(unexplained(end([record('Held', 'StaleRead')], '{}'))[0]).toMatch(complaint)
    expect(unexplained(end([], '{}'))[0]).toMatch(complaint)
    const paused = end([record('Held', 'OperatorPaused', BEGUN)], '{}')
    for (const excuse of [{}, { stops: 'PolicySuspended' }]) expect(unexplained(paused, excuse)[0]).toMatch(complaint)
    const proposed = end([record('Held', 'OperatorPaused')], '{}')
    expect(unexplained(proposed, { stops: 'OperatorPaused' })[0]).toMatch(complaint)
  })

  test('with a change by a step that a person stopped or whose record a person deleted is explained', () => {
    const stopped = end([record('Held', 'OptedOut', BEGUN)], '{}')
    expect(unexplained(stopped, { stops: 'OptedOut' })).toEqual([])
    expect(unexplained(end([record('Held', 'EditReverted')], '{}'), { forgotten: true })).toEqual([])
    expect(unexplained(end([], '{}'), { forgotten: true })).toEqual([])
  })
})

test('a run is over when nothing was in progress for a while, and each beginning starts the while again', () => {
  const settled = createSettled()
  expect(settled(true, 0)).toBe(false)
  expect(settled(true, SETTLED_MS - 1)).toBe(false)
  expect(settled(false, SETTLED_MS)).toBe(false)
  expect(settled(true, SETTLED_MS + 100)).toBe(false)
  expect(settled(true, 2 * SETTLED_MS + 99)).toBe(false)
  expect(settled(true, 2 * SETTLED_MS + 100)).toBe(true)
})

import { describe, expect, test } from 'vitest'
import type { RemediationStep } from '../../api/remediation.ts'
import type { Attempt } from '../../model/decision-input.ts'
import { known, unknown } from '../../model/incident.ts'
import { decide } from '../decide.ts'
import {
  aCase,
  anAttempt,
  anOwner,
  aPod,
  aPolicy,
  aRecord,
  aStep,
  at,
  BROKEN,
  type InputOverrides,
  intendedBy,
  NOW,
  PATCHED,
  recycling,
  rewriting,
  running,
} from '../testing.ts'

const MIN = 60_000
const repaired = anOwner({ containers: [{ name: 'coredns', image: PATCHED }] })
const podSince = (ms: number) =>
  aPod({ name: 'new', containers: [{ name: 'coredns', image: PATCHED }], statuses: [running(ms)] })

describe('a step that was written', () => {
  const verdict = (words: InputOverrides, step: Partial<RemediationStep> = {}) =>
    decide(aCase({ owner: repaired, records: [aRecord({ steps: [aStep(step)] })], ...words }))
  const stuck = { facts: { pods: known([aPod()]) } }

  test('has five minutes where its policy is gone', () => {
    const gone = { ...stuck, policies: [] }
    expect(verdict(gone, { actedAt: at(-5 * MIN + 1) })).toMatchObject({ outcome: 'Waiting', requeueAt: NOW + 1 })
    expect(verdict(gone, { actedAt: at(-5 * MIN) })).toMatchObject({ outcome: 'Ineffective' })
  })

  test('is looked at again when it will have run for long enough, and that is said', () => {
    expect(verdict({ facts: { pods: known([podSince(-10_000)]) } })).toEqual({
      kind: 'Verify',
      outcome: 'Waiting',
      reason: 'Verifying',
      message: 'waiting until all containers of Deployment kube-system/coredns have been running for 30s',
      requeueAt: NOW + 20_000,
    })
  })

  test('that started in the future by a minute at most is awaited; beyond, the deadline decides', () => {
    const started = (ms: number) => verdict({ facts: { pods: known([podSince(ms)]) } })
    expect(started(MIN)).toMatchObject({ outcome: 'Waiting', requeueAt: NOW + MIN + 30_000 })
    expect(started(MIN + 1)).toMatchObject({ outcome: 'Waiting', requeueAt: NOW + 4 * MIN })
  })
})

describe('an intent without an outcome', () => {
  const first = aCase()
  const verdict = (words: InputOverrides, step: Partial<RemediationStep> = {}) =>
    decide(aCase({ records: [intendedBy(first, step)], ...words }))

  test('is a memory for ten minutes, to the millisecond', () => {
    expect(verdict({}, { intendedAt: at(-10 * MIN) })).toMatchObject({ kind: 'Act' })
    expect(verdict({}, { intendedAt: at(-10 * MIN - 1) })).toMatchObject({ outcome: 'Withdrawn' })
  })

  test('is withdrawn as what it is', () => {
    expect(verdict({ policies: [] })).toEqual({
      kind: 'Verify',
      outcome: 'Withdrawn',
      reason: 'Withdrawn',
      message: 'started but not written, and withdrawn: no policy matches',
      requeueAt: NOW,
    })
  })

  test('asks for the facts of today as a new decision does', () => {
    expect(verdict({ facts: { node: undefined } })).toEqual({ kind: 'Ask', facts: [{ fact: 'nodes' }] })
  })

  test('goes on as a whole, which is told apart from a rest', () => {
    expect(verdict({})).not.toHaveProperty('partly')
    const set = anOwner({ kind: 'StatefulSet', keepsBrokenPods: true })
    const pods = { pods: known([aPod()]) }
    const annotations = { 'podmend.io/original-image': JSON.stringify({ coredns: BROKEN }) }
    const half = { ...set, containers: repaired.containers, annotations }
    const records = [intendedBy(aCase({ owner: set, facts: pods }))]
    expect(decide(aCase({ owner: half, facts: pods, records }))).toMatchObject({ kind: 'Act', partly: true })
    expect(decide(aCase({ owner: half, facts: pods, records, policies: [] }))).toEqual({
      kind: 'Verify',
      outcome: 'Waiting',
      reason: 'Verifying',
      message: 'partly written; the rest is not: no policy matches',
      kept: {},
      requeueAt: NOW,
    })
  })

  test('of which it is unknown what is left is held, and looked at again soon', () => {
    const cron = { owner: anOwner({ kind: 'CronJob', patchesPods: true }), facts: { pods: unknown('403') } }
    expect(verdict(cron)).toMatchObject({
      kind: 'Hold',
      reason: 'FactUnknown',
      message: 'started; what is left to do is unknown: 403',
      policy: { name: 'moved' },
      requeueAt: NOW + 30_000,
    })
  })

  test('does not count as an attempt, and nothing but it is left out', () => {
    const operator = { maxActionsPerHour: 1 }
    const own = anAttempt(-61_000)
    expect(verdict({ operator, attempts: [own] })).toMatchObject({ kind: 'Act' })
    const beside = (words: Partial<Attempt>) => verdict({ operator, attempts: [own, anAttempt(-61_000, words)] })
    expect(beside({ incident: 'other' })).toMatchObject({ reason: 'OperatorBudgetSpent' })
    // One more attempt at the same incident makes another attempt of this one.
    expect(beside({ at: NOW - 62_000 })).toMatchObject({ outcome: 'Withdrawn' })
  })
})

describe('an undo that was begun', () => {
  const undo = aStep({
    state: 'Intended',
    kind: 'Undo',
    actedAt: undefined,
    planHash: 'undo-1',
    changes: [{ container: 'coredns', init: false, from: PATCHED, to: BROKEN }],
  })
  const records = [aRecord({ phase: 'Running', steps: [aStep({ state: 'Ineffective' }), undo] })]
  const policies = [aPolicy({ onIneffective: 'Undo', actions: [rewriting(), recycling()] })]
  const verdict = (words: InputOverrides) => decide(aCase({ owner: repaired, records, policies, ...words }))
  const cron = anOwner({ kind: 'CronJob', patchesPods: true, containers: repaired.containers })

  test('is looked at at once when it is decided', () => {
    expect(verdict({})).toMatchObject({ reason: 'DidNotHelp', requeueAt: NOW, next: { kind: 'Undo' } })
  })

  test('asks for the pods of Jobs', () => {
    expect(verdict({ owner: cron })).toEqual({ kind: 'Ask', facts: [expect.objectContaining({ fact: 'pods' })] })
  })

  test('of which it is unknown what is left is held, and looked at again soon', () => {
    expect(verdict({ owner: cron, facts: { pods: unknown('403') } })).toMatchObject({
      kind: 'Hold',
      reason: 'FactUnknown',
      message: 'the undo was started; what is left of it is unknown: 403',
      policy: { name: 'moved' },
      requeueAt: NOW + 30_000,
    })
  })

  test('that is stopped for now is held under that reason, and looked at again soon', () => {
    expect(verdict({ operator: { paused: known(true) } })).toMatchObject({
      kind: 'Hold',
      reason: 'FactUnknown',
      message: expect.stringContaining('the undo is held by OperatorPaused'),
      requeueAt: NOW + 30_000,
    })
  })

  test('of a remedy that cannot be undone stops there', () => {
    const step = aStep({
      state: 'Intended',
      kind: 'Undo',
      action: 'RecyclePod',
      changes: undefined,
      actedAt: undefined,
    })
    expect(verdict({ records: [aRecord({ phase: 'Running', steps: [step] })] })).toMatchObject({
      outcome: 'Ineffective',
      next: { kind: 'Stop' },
    })
  })
})

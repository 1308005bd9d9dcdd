import { describe, expect, test } from 'vitest'
import type { Remediation } from '../api/kinds.ts'
import { known } from '../model/incident.ts'
import { allHaveEnded, endsUnrecorded, openRecordOf, supersededRecords } from '../model/remediation-state.ts'
import { decide } from './decide.ts'
import {
  aCase,
  aNamespace,
  anAttempt,
  aPolicy,
  aRecord,
  aStep,
  at,
  HASH,
  type InputOverrides,
  NOW,
  type RecordOverrides,
} from './testing.ts'

const policies = [aPolicy({ mode: 'Approve', approvalTimeout: '2h' })]
const decided = (words: InputOverrides = {}) => decide(aCase({ policies, ...words }))

const planHash = (() => {
  const verdict = decided()
  return verdict.kind === 'Hold' ? (verdict.plan?.hash ?? '') : ''
})()

const asked = (status: RecordOverrides['status'] = {}, spec: RecordOverrides['spec'] = {}): readonly Remediation[] => [
  aRecord({
    phase: 'AwaitingApproval',
    steps: [],
    spec,
    status: { planHash, expiresAt: at(60_000), ...status },
  }),
]
const said = (decision: 'Approved' | 'Denied', hash = planHash) => ({
  approval: { decision, planHash: hash, by: 'ann' },
})

describe('a plan of a policy that asks', () => {
  test('is proposed for as long as the policy says, from when it is first seen', () => {
    expect(decided()).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval', expiresAt: NOW + 2 * 3_600_000 })
  })

  test('is of one policy: under another of the same text and generation it is requested again', () => {
    const other = [aPolicy({ mode: 'Approve', approvalTimeout: '2h', uid: 'another' })]
    expect(decided({ policies: other, records: asked({}, said('Approved')) })).toMatchObject({
      kind: 'Hold',
      reason: 'AwaitingApproval',
    })
  })

  test('keeps its time from look to look', () => {
    expect(decided({ records: asked() })).toMatchObject({ expiresAt: NOW + 60_000, requeueAt: NOW + 60_000 })
  })

  test('has a time of its own when it is another one than was proposed before', () => {
    const records = asked({ planHash: 'other', expiresAt: at(-1) })
    expect(decided({ records })).toMatchObject({ expiresAt: NOW + 2 * 3_600_000 })
  })

  test('is carried out when it was approved, also after its time', () => {
    expect(decided({ records: asked({ expiresAt: at(-1) }, said('Approved')) })).toMatchObject({ kind: 'Act' })
  })

  /** The managedFields entry of the decision. */
  const decidedAt = (ms: number): readonly Remediation[] =>
    asked({ expiresAt: at(-60_000) }, said('Approved')).map((record) => {
      const fieldsV1 = { 'f:spec': { 'f:approval': { '.': {}, 'f:by': {} } } }
      const entries = [
        { manager: 'kubectl-mend', operation: 'Update', time: at(ms), fieldsV1 },
        { manager: 'podmend', operation: 'Update', time: at(-1), subresource: 'status', fieldsV1: { 'f:status': {} } },
      ]
      return { ...record, metadata: { ...record.metadata, managedFields: entries } }
    })

  test('is carried out when it was approved in time, however late that is seen', () => {
    expect(decided({ records: decidedAt(-60_000) })).toMatchObject({ kind: 'Act' })
  })

  test('is not carried out when it was approved after its time, though nobody had ended it yet', () => {
    const verdict = decided({ records: decidedAt(-30_000) })
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval', ends: 'Expired' })
    expect(verdict).toHaveProperty(
      'message',
      expect.stringMatching(/^ann approved plan \w{12} at \S+, after it had expired at \S+; delete Remediation /),
    )
  })

  test('stays expired although it was approved after its time', () => {
    const records = decidedAt(-30_000).map((record) => ({
      ...record,
      status: {
        ...record.status,
        phase: 'Cancelled' as const,
        reason: 'Expired',
        finishedAt: at(-1),
        expiresAt: undefined,
      },
    }))
    expect(decided({ records: records as unknown as Remediation[] })).toMatchObject({ kind: 'Hold', ends: 'Expired' })
  })

  test('that was approved after its time stays expired, also after another plan was proposed', () => {
    const proposals = [{ planHash, expiresAt: at(-60_000) }]
    const now = { planHash: 'another', expiresAt: at(60_000), proposals }
    const after = (ms: number) =>
      decidedAt(ms).map((record) => ({ ...record, status: { ...record.status, ...now } })) as readonly Remediation[]
    expect(decided({ records: after(-30_000) })).toMatchObject({ kind: 'Hold', ends: 'Expired' })
    expect(decided({ records: after(-60_000) })).toMatchObject({ kind: 'Act' })
  })

  test('is not carried out once more by the same approval', () => {
    const tried = aStep({ state: 'Failed', attempt: 1, planHash })
    const words = { records: asked({ steps: [tried] }, said('Approved')), attempts: [anAttempt(-3_600_000)] }
    expect(decided(words)).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval', expiresAt: expect.any(Number) })
  })

  test('is still the approved one after a write that came to nothing', () => {
    const records = asked({ phase: 'Held', reason: 'StaleRead' }, said('Approved'))
    expect(decided({ records })).toMatchObject({ kind: 'Act', plan: { hash: planHash } })
  })
})

describe('a no', () => {
  const denied = asked({}, said('Denied'))
  const late = asked({ expiresAt: at(-1) })

  test.each([
    ['by a person', denied, 'Denied'],
    ['by nobody in time', late, 'Expired'],
  ] as const)('%s ends the record', (_, records, ends) => {
    expect(decided({ records })).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval', ends })
  })

  test.each([
    ['Denied', denied],
    ['Expired', asked({ phase: 'Cancelled', reason: 'Expired', message: 'too late', expiresAt: undefined })],
  ] as const)('stays one after the record has ended: %s', (ends, [record]) => {
    const status = { reason: ends, ...record?.status, phase: 'Cancelled' as const, finishedAt: at(-1) }
    const records = record ? [{ ...record, status }] : []
    const verdict = decided({ records })
    expect(verdict).toMatchObject({
      ends,
      message: expect.stringContaining(ends === 'Denied' ? 'ann denied' : 'too late'),
    })
    // Also while another plan waits on a later record.
    const open = aRecord({ name: 'later', phase: 'AwaitingApproval', steps: [], status: { planHash: 'other' } })
    expect(decided({ records: [open, ...records] })).toEqual(verdict)
  })

  test('is of one revision: under another the plan is requested', () => {
    const records = asked({ phase: 'Cancelled', reason: 'Denied', finishedAt: at(-1) }, said('Denied')).map(
      (record) => ({
        ...record,
        spec: { ...record.spec, templateHash: 'other' },
      }),
    )
    expect(decided({ records })).not.toHaveProperty('ends')
  })

  test('that was seen after the record had ended otherwise stands', () => {
    const records = asked({ phase: 'Cancelled', reason: 'Recovered', finishedAt: at(-1) }, said('Denied'))
    expect(decided({ records })).toMatchObject({ ends: 'Denied' })
  })

  test.each([
    ['the operator is paused', { operator: { paused: known(true) } }],
    [
      'the workload opted out',
      { facts: { namespace: known(aNamespace({ annotations: { 'podmend.io/exclude': 'true' } })) } },
    ],
    ['the policy’s budget is spent', { active: { moved: 9 } }],
  ])('stands while %s', (_, words) => {
    expect(decided({ ...words, records: denied })).toMatchObject({ ends: 'Denied' })
  })

  test.each(['Succeeded', 'Cancelled'] as const)('ends with the record, if it was a yes: %s', (phase) => {
    const records = asked({ phase, reason: 'Recovered', finishedAt: at(-1) }, said('Approved'))
    expect(decided({ records })).toMatchObject({
      kind: 'Hold',
      reason: 'AwaitingApproval',
      expiresAt: NOW + 2 * 3_600_000,
    })
  })

  test('to another plan is none to this one', () => {
    const verdict = decided({ records: asked({}, said('Denied', 'other')) })
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
    expect(verdict).not.toHaveProperty('ends')
  })

  test('is nothing to a policy that acts without asking', () => {
    expect(decide(aCase({ records: denied }))).toMatchObject({ kind: 'Act' })
  })
})

describe('the record of an incident', () => {
  const own = aRecord({ name: 'own', phase: 'Held', steps: [] })
  const ended = aRecord({ name: 'ended', phase: 'Cancelled', steps: [], status: { finishedAt: at(-1) } })
  const other = { templateHash: 'other' }
  const waiting = aRecord({ name: 'waiting', phase: 'Held', steps: [], spec: other })
  const story = aRecord({ name: 'story', phase: 'Held', spec: other })
  const past = aRecord({ name: 'past', phase: 'Succeeded', spec: other, status: { finishedAt: at(-1) } })

  test.each([
    ['its own', [story, waiting, own], 'own'],
    ['the one whose remedy made this revision', [waiting, story, ended], 'story'],
    ['its own, not one that has ended', [ended, own], 'own'],
    ['none that has ended', [past, waiting, ended], undefined],
  ] as const)('is %s', (_, records, name) => {
    expect(openRecordOf(records, HASH)?.metadata.name).toBe(name)
  })

  test.each([
    ['all has ended', [ended, past], true],
    ['something is open', [past, waiting], false],
    ['nothing was told', [], false],
  ] as const)('says whether the pods that are known may be of an incident that is over: %s', (_, records, is) => {
    expect(allHaveEnded(records)).toBe(is)
  })

  const denied = aRecord({
    name: 'denied',
    phase: 'Cancelled',
    steps: [],
    status: { reason: 'Denied', planHash: 'p', finishedAt: at(-1) },
  })
  test.each<readonly [string, readonly Remediation[], Parameters<typeof endsUnrecorded>[2], boolean]>([
    ['a recovery with nothing open', [ended], { reason: 'AlreadyRecovered' }, true],
    ['a recovery of what is open', [own], { reason: 'AlreadyRecovered' }, false],
    [
      'a plan that was rejected before',
      [denied],
      { reason: 'AwaitingApproval', ends: 'Denied', plan: { hash: 'p' } },
      true,
    ],
    ['another plan', [denied], { reason: 'AwaitingApproval', ends: 'Expired', plan: { hash: 'q' } }, false],
    [
      'a rejected plan, and something open',
      [own, denied],
      { reason: 'AwaitingApproval', ends: 'Denied', plan: { hash: 'p' } },
      false,
    ],
    ['another hold', [ended], { reason: 'CoolingDown' }, false],
  ])('is not made only to be ended: %s', (_, records, hold, is) => {
    expect(endsUnrecorded(records, HASH, hold)).toBe(is)
  })

  test('makes way when another revision fails and nothing was begun', () => {
    expect(supersededRecords([own, ended, waiting, story, past], HASH)).toEqual([waiting])
  })
})

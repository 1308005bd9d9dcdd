import { describe, expect, test } from 'vitest'
import type { AuditedWrite } from './history.ts'
import { forgotBegun, judgeWrites, type Limits, type Prohibition } from './oracles.ts'

const LIMITS: Limits = { cooldownMs: 10_000, maxAttempts: 2, maxPerHour: 3 }

const write = (at: number, more: Partial<AuditedWrite>): AuditedWrite => ({
  verb: 'patch',
  resource: 'deployments.apps',
  namespace: 'run',
  name: 'web',
  dryRun: false,
  status: 200,
  receivedAt: at,
  doneAt: at + 5,
  sent: undefined,
  answer: undefined,
  ...more,
})

interface RecordAt {
  readonly phase?: string
  readonly state?: string
  readonly attempt?: number
  readonly finished?: boolean
  readonly approved?: string
  readonly uid?: string
  readonly pods?: readonly object[]
  readonly changes?: readonly object[]
}

/** The record as it is after its status was written. */
const record = (at: number, parts: RecordAt = {}): AuditedWrite => {
  const { phase = 'Running', state = 'Intended', attempt = 1, finished = false, approved, uid = 'r', ...more } = parts
  const target = { kind: 'Deployment', name: 'web', uid: 'd' }
  const step = { index: 0, attempt, action: 'RewriteImage', state, target, planHash: 'abc', changes: [{}], ...more }
  return write(at, {
    verb: 'update',
    resource: 'remediations.podmend.io/status',
    name: 'web-1',
    answer: {
      metadata: { uid, name: 'web-1', resourceVersion: String(at) },
      spec: { target, ...(approved && { approval: { decision: 'Approved', planHash: approved } }) },
      status: { phase, steps: [step], ...(finished && { finishedAt: 'then' }) },
    },
  })
}

/** The deletion of a pod, which bore this state until then. */
const deletion = (at: number, uid: string, { owner = 'd', ready = 'False' } = {}): AuditedWrite =>
  write(at, {
    verb: 'delete',
    resource: 'pods',
    name: 'web-0',
    sent: { preconditions: { uid } },
    answer: {
      metadata: { name: 'web-0', uid, ownerReferences: [{ uid: owner }] },
      status: { conditions: [{ type: 'Ready', status: ready }] },
    },
  })

const eviction = (at: number, uid: string): AuditedWrite =>
  write(at, {
    verb: 'create',
    resource: 'pods/eviction',
    name: 'web-0',
    sent: { deleteOptions: { preconditions: { uid } } },
  })

const judge = (writes: readonly AuditedWrite[], limits: Partial<Limits> = {}, prohibitions: Prohibition[] = []) =>
  judgeWrites({ writes, limits: { ...LIMITS, ...limits }, prohibitions })

describe('what no fault may lead to', () => {
  test('a repair with its intent before it is right', () => {
    const done = record(30, { phase: 'Verifying', state: 'Done' })
    const ended = record(40, { phase: 'Succeeded', state: 'Succeeded', finished: true })
    expect(judge([record(10), write(20, {}), done, ended])).toEqual([])
  })

  test('a write without an intent, or with one that was not committed yet, is found', () => {
    const complaint = ['patch deployments.apps run/web without an intent on a record before it']
    expect(judge([write(20, {})])).toEqual(complaint)
    expect(judge([record(18), write(20, {})])).toEqual(complaint)
    expect(judge([{ ...record(10), status: 409 }, write(20, {})])).toEqual(complaint)
    expect(judge([record(10), write(20, { name: 'other' })])).toHaveLength(1)
    expect(judge([record(10), write(20, { resource: 'statefulsets.apps' })])).toHaveLength(1)
    expect(judge([record(10), write(20, { verb: 'create', resource: 'pods', name: 'x' })])).toHaveLength(1)
  })

  test('a pod is deleted or evicted if the step names its uid; a rewrite deletes waiting pods of its target', () => {
    const recycling = record(10, { pods: [{ name: 'web-0', uid: 'p1' }], changes: [] })
    expect(judge([recycling, deletion(20, 'p1')])).toEqual([])
    expect(judge([recycling, eviction(20, 'p1')])).toEqual([])
    const complaint = [expect.stringContaining('without an intent')]
    expect(judge([recycling, deletion(20, 'p2')])).toEqual(complaint)
    expect(judge([recycling, eviction(20, 'p2')])).toEqual(complaint)
    expect(judge([record(10), deletion(20, 'p1')])).toEqual([])
    expect(judge([record(10), deletion(20, 'p1', { owner: 'other' })])).toEqual(complaint)
    expect(judge([record(10), eviction(20, 'p1')])).toEqual(complaint)
  })

  test('a pod that is deleted twice is found, and its successor of the same name is another one', () => {
    expect(judge([record(10), deletion(20, 'p1'), deletion(30, 'p2')])).toEqual([])
    expect(judge([record(10), deletion(20, 'p1'), deletion(30, 'p1')])).toEqual([
      'delete pods run/web-0 twice for attempt 1',
    ])
  })

  test('the deletion of a pod that is ready is found', () => {
    expect(judge([record(10), deletion(20, 'p1', { ready: 'True' })])).toEqual([
      'delete pods run/web-0, which was ready',
    ])
  })

  test('an intent on a record that a person deleted covers nothing any more', () => {
    const writes = [record(10), write(40, {})]
    const judgeForgotten = (before: number, since: number) =>
      judgeWrites({ writes, limits: LIMITS, forgotten: { before, since } })
    expect(judgeForgotten(20, 30)).toEqual(['patch deployments.apps run/web without an intent on a record before it'])
    // The one that was held meanwhile is excused; a record that is created later counts.
    expect(judgeForgotten(20, 45)).toEqual([])
    expect(judgeForgotten(5, 30)).toEqual([])
    expect(forgotBegun({ writes, forgotten: { before: 20, since: 30 } })).toBe(true)
    expect(forgotBegun({ writes, forgotten: { before: 5, since: 30 } })).toBe(false)
    expect(forgotBegun({ writes })).toBe(false)
  })

  test('dry runs and refused writes are none', () => {
    expect(judge([write(20, { dryRun: true }), write(30, { status: 403 })])).toEqual([])
  })

  test('a step that is carried out twice is found', () => {
    expect(judge([record(10), write(20, {}), write(30, {})])).toEqual([
      'patch deployments.apps run/web twice for attempt 1',
    ])
  })

  test.each(['Succeeded', 'Ineffective', 'Failed', 'Cancelled'])(
    'a record that has finished and becomes something else is found: %s',
    (phase) => {
      const ended = record(10, { phase, state: 'Succeeded', finished: true })
      expect(judge([ended, record(20, { phase: 'Held', state: 'Succeeded' })])).toEqual([
        `record web-1 was ${phase}  and became Held `,
      ])
    },
  )

  test('a final phase of a record that has not finished is found', () => {
    expect(judge([record(10, { phase: 'Ineffective', state: 'Ineffective' })])).toEqual([
      'record web-1 is Ineffective  and not finished',
    ])
  })

  test('more attempts than allowed, and attempts within the cool-down, are found', () => {
    const attempts = [1, 2, 3].map((attempt) => record(attempt * 20_000, { attempt }))
    expect(judge(attempts)).toEqual(['3 attempts at d; the policy allows 2'])
    expect(judge(attempts.slice(0, 2), { cooldownMs: 60_000 })).toEqual([
      'attempt 2 began 20 s after the one before it',
    ])
  })

  test('a write without the approval of its own plan is found', () => {
    const approval = true
    expect(judge([record(10, { approved: 'abc' }), write(20, {})], { approval })).toEqual([])
    expect(judge([record(10, { approved: 'def' }), write(20, {})], { approval })).toHaveLength(1)
    expect(judge([record(10), write(20, {})], { approval })).toHaveLength(1)
  })

  test('a write after what forbids it is found, and one that was received before is not', () => {
    const paused = { what: 'it is paused', since: 15, forbids: () => true }
    expect(judge([record(5), write(20, {})], {}, [paused])).toEqual([
      'patch deployments.apps run/web 5 ms after it was known that it is paused',
    ])
    expect(judge([record(5), write(12, {})], {}, [paused])).toEqual([])
  })
})

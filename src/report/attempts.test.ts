import { describe, expect, test } from 'vitest'
import type { RemediationPolicy } from '../api/kinds.ts'
import { incidentId } from '../model/incident.ts'
import { createManualClock } from '../runtime/clock.ts'
import { attemptsOfPolicy, attemptsOfRecord, createAttemptHistory, mergeAttempts, prune } from './attempts.ts'
import { mergeUpdates, nextPolicyStatus, updatesOf } from './policy-status.ts'
import { aRecord, iso, NOW, OWNER } from './testing.ts'

const DAY = 86_400_000
const INCIDENT = incidentId(OWNER, 'image')
const record = (...attempts: string[]) => aRecord({ attempts })
const policy = (...attempts: { incident: string; time: string }[]) =>
  ({ metadata: { name: 'moved' }, status: { attempts } }) as unknown as RemediationPolicy
const mine = (at: number) => ({ policy: 'moved', incident: INCIDENT, at })

describe('the ledger of attempts', () => {
  test('reads the same attempt from a record and from its policy as one', () => {
    const sources = [
      attemptsOfPolicy(policy({ incident: INCIDENT, time: iso() })),
      attemptsOfRecord(record(iso(), iso(5))),
    ]
    expect(mergeAttempts(sources, NOW)).toEqual([mine(NOW), mine(NOW + 5)])
  })
  test('counts an attempt for the policy by which it was begun, not for the one that opened the record', () => {
    const by = (name: string) => ({ name, uid: `uid-${name}`, generation: 1 })
    const step = { index: 0, attempt: 1, action: 'RewriteImage', state: 'Ineffective', planHash: 'h' } as const
    const steps = [{ ...step, policy: by('acts'), intendedAt: iso() }]
    const told = aRecord({ attempts: [iso(), iso(5)], steps, policy: by('acts-now') })
    expect(attemptsOfRecord(told).map(({ policy: name, at }) => [name, at])).toEqual([
      ['acts', NOW],
      ['acts-now', NOW + 5],
    ])
  })
  test('forgets what is a day old', () => {
    expect(mergeAttempts([attemptsOfRecord(record(iso(-DAY), iso(-DAY + 1)))], NOW)).toEqual([mine(NOW - DAY + 1)])
  })
  test('keeps the newest thousand', () => {
    const many = Array.from({ length: 1_500 }, (_, i) => mine(NOW - i))
    const kept = prune(many, NOW)
    expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([1_000, NOW - 999, NOW])
  })
  test('passes over times that are none', () => {
    expect(attemptsOfRecord(record('yesterday', ''))).toEqual([])
  })
  test('outlives the record', async () => {
    const clock = createManualClock(NOW)
    const attemptHistory = createAttemptHistory(clock)
    attemptHistory.sawRecord(record(iso()))
    attemptHistory.forgotRecord(record().metadata.uid)
    attemptHistory.sawPolicy(policy())
    expect(attemptHistory.recent()).toEqual([mine(NOW)])
    await clock.advance(DAY)
    expect(attemptHistory.recent()).toEqual([])
  })
  test.each([
    ['forward', DAY],
    ['back', -DAY],
  ])('ages by the monotonic clock when the wall clock jumps a day %s', async (_, jump) => {
    const clock = createManualClock(NOW)
    const attemptHistory = createAttemptHistory(clock)
    attemptHistory.recorded('moved', { attempts: [{ incident: INCIDENT, at: NOW }] })
    await clock.advance(60_000)
    clock.jump(jump)
    expect(attemptHistory.recent().map(({ at }) => clock.now() - at)).toEqual([60_000])
    // What is stored keeps its time: another one would count twice.
    expect(attemptHistory.stored()).toEqual([mine(NOW)])
    await clock.advance(DAY - 60_000)
    expect(attemptHistory.recent()).toEqual([])
  })
  test('counts one from the future from when it was first seen, whatever is seen of it later', async () => {
    const clock = createManualClock(NOW)
    const attemptHistory = createAttemptHistory(clock)
    attemptHistory.sawRecord(record(iso(DAY)))
    await clock.advance(600_000)
    attemptHistory.sawPolicy(policy({ incident: INCIDENT, time: iso(DAY) }))
    attemptHistory.sawRecord(record(iso(DAY)))
    expect(attemptHistory.recent().map(({ at }) => clock.now() - at)).toEqual([600_000])
  })
  test('does not count what a record has no longer, although the answer to that write was lost', () => {
    const attemptHistory = createAttemptHistory(createManualClock(NOW))
    attemptHistory.sawRecord(record(iso()))
    attemptHistory.sawRecord(record())
    expect(attemptHistory.recent()).toEqual([])
    attemptHistory.sawPolicy(policy())
    expect(attemptHistory.recent()).toEqual([])
  })
  test('does not count again what was taken back, whatever an old watch event says', () => {
    const attemptHistory = createAttemptHistory(createManualClock(NOW))
    attemptHistory.sawRecord(record(iso()))
    attemptHistory.recorded('moved', { takenBack: [{ incident: INCIDENT, at: NOW }] })
    attemptHistory.sawRecord(record(iso()))
    expect(attemptHistory.recent()).toEqual([])
  })
})

describe('news of a record for its policy', () => {
  test('tell attempts begun, taken back, and a success', () => {
    expect(updatesOf({}, record(iso()))).toEqual({ attempts: [{ incident: INCIDENT, at: NOW }] })
    expect(updatesOf({ attempts: [iso()] }, aRecord({}))).toEqual({ takenBack: [{ incident: INCIDENT, at: NOW }] })
    expect(updatesOf({ phase: 'Verifying' }, aRecord({ phase: 'Succeeded' }))).toEqual({ succeeded: 1 })
    expect(updatesOf({ phase: 'Succeeded' }, aRecord({ phase: 'Succeeded' }))).toBeUndefined()
  })
})

describe("a policy's status", () => {
  test('is the same object where the news change nothing', () => {
    const before = nextPolicyStatus({}, { admitted: { generation: 2, sentences: [] }, active: 1 }, NOW)
    expect(nextPolicyStatus(before, { admitted: { generation: 2, sentences: [] }, active: 1 }, NOW + 60_000)).toBe(
      before,
    )
  })
  test('says why it is not in force', () => {
    const { conditions } = nextPolicyStatus(
      {},
      { admitted: { generation: 2, sentences: ['a is wrong', 'b too'] } },
      NOW,
    )
    expect(conditions).toEqual([
      {
        type: 'Ready',
        status: 'False',
        reason: 'InvalidSpec',
        message: 'The policy is not in force: a is wrong; b too',
        observedGeneration: 2,
        lastTransitionTime: iso(),
      },
    ])
  })
  test('names the policies that it conflicts with', () => {
    const [condition] = nextPolicyStatus({}, { conflictsWith: ['other'] }, NOW).conditions ?? []
    expect(condition).toMatchObject({ type: 'Conflicting', status: 'True', reason: 'OverlappingMatch' })
    expect(condition?.message).toMatch(/^other matches the same failures/)
  })
  test('gathers attempts without doubles, and gives back those that wrote nothing', () => {
    const attempt = { incident: INCIDENT, at: NOW }
    const once = nextPolicyStatus({}, { attempts: [attempt] }, NOW)
    expect(once).toEqual({ attempts: [{ incident: INCIDENT, time: iso() }], lastActionTime: iso() })
    expect(nextPolicyStatus(once, { attempts: [attempt] }, NOW).attempts).toHaveLength(1)
    expect(nextPolicyStatus(once, { takenBack: [attempt] }, NOW).attempts).toEqual([])
  })
  test('has at least the successes that records show, and does not add them to those it counted', () => {
    expect(nextPolicyStatus({ succeeded: 1 }, { succeededAtLeast: 3 }, NOW)).toEqual({ succeeded: 3 })
    const joined = mergeUpdates({ succeeded: 1 }, mergeUpdates({ succeededAtLeast: 2 }, { succeededAtLeast: 1 }))
    expect(nextPolicyStatus({ succeeded: 1 }, joined, NOW)).toEqual({ succeeded: 2 })
    expect(nextPolicyStatus({ succeeded: 7 }, joined, NOW)).toEqual({ succeeded: 8 })
  })
  test('adds up successes over news that were joined', () => {
    const updates = mergeUpdates({ succeeded: 1, active: 3 }, { succeeded: 2, active: 1 })
    expect(nextPolicyStatus({ succeeded: 4 }, updates, NOW)).toEqual({ succeeded: 7, active: 1 })
  })
})

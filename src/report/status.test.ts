import { describe, expect, test } from 'vitest'
import { remediationStatus, type RemediationStatus } from '../api/remediation.ts'
import { HOLD_REASONS, type Phase } from '../model/reasons.ts'
import { nextStatus, type StatusChange } from './status.ts'
import {
  aHold,
  anAct,
  aRecycle,
  aRewrite,
  aVerification,
  BROKEN,
  DONE,
  type Happening,
  happens,
  iso,
  lived,
  NOW,
  PATCHED,
} from './testing.ts'

const held: Happening = { kind: 'Held', verdict: aHold('CoolingDown') }
const hold = (...words: Parameters<typeof aHold>): Happening => ({ kind: 'Held', verdict: aHold(...words) })
const act = (...words: Parameters<typeof anAct>): Happening => ({ kind: 'Intended', verdict: anAct(...words) })
const acted = (outcome: Extract<StatusChange, { kind: 'Acted' }>['outcome'] = DONE, more: object = {}): Happening => ({
  kind: 'Acted',
  outcome,
  ...more,
})
const verification = (...words: Parameters<typeof aVerification>): Happening => ({
  kind: 'Verified',
  verdict: aVerification(...words),
})
const undo: Happening = {
  kind: 'UndoIntended',
  plan: aRewrite({
    hash: 'hash-undo',
    changes: [{ ...aRewrite().changes[0]!, from: PATCHED, to: BROKEN, was: PATCHED }],
  }),
}
const leftOne = acted({
  kind: 'Done',
  at: NOW,
  wrote: [],
  left: [{ name: 'coredns-a', uid: 'uid-coredns-a', why: 'pod coredns-a keeps changing' }],
})
const close: Happening = { kind: 'Closed', reason: 'OwnerGone', message: 'it is gone' }

const waiting = verification('Waiting', 'Verifying')
const repaired = verification('Succeeded', 'Repaired')
const ineffective = verification('Ineffective', 'DidNotHelp')
const escalate = verification('Ineffective', 'DidNotHelp', { next: { kind: 'Escalate' } })

interface Row {
  readonly after: readonly Happening[]
  readonly phase: Phase
  readonly reason: string
  readonly steps: readonly string[]
  readonly attempts: number
  readonly finished: boolean
}

const table: Readonly<Record<string, Row>> = {
  'observing shows what would be done': {
    after: [hold('ObserveOnly', { plan: aRewrite() })],
    phase: 'Observed',
    reason: 'ObserveOnly',
    steps: ['Planned'],
    attempts: 0,
    finished: false,
  },
  'a plan that waits for a person': {
    after: [hold('AwaitingApproval', { plan: aRewrite() })],
    phase: 'AwaitingApproval',
    reason: 'AwaitingApproval',
    steps: ['Planned'],
    attempts: 0,
    finished: false,
  },
  'a plan that a person denied': {
    after: [
      hold('AwaitingApproval', { plan: aRewrite() }),
      hold('AwaitingApproval', { plan: aRewrite(), ends: 'Denied' }),
    ],
    phase: 'Cancelled',
    reason: 'Denied',
    steps: ['Planned'],
    attempts: 0,
    finished: true,
  },
  'a plan that nobody decided on': {
    after: [hold('AwaitingApproval', { plan: aRewrite(), ends: 'Expired' })],
    phase: 'Cancelled',
    reason: 'Expired',
    steps: ['Planned'],
    attempts: 0,
    finished: true,
  },
  'a hold without a plan': {
    after: [held],
    phase: 'Held',
    reason: 'CoolingDown',
    steps: [],
    attempts: 0,
    finished: false,
  },
  'an intent takes the place of the proposal': {
    after: [hold('ObserveOnly', { plan: aRewrite() }), act()],
    phase: 'Running',
    reason: 'Acting',
    steps: ['Intended'],
    attempts: 1,
    finished: false,
  },
  'a write that was accepted awaits its proof': {
    after: [act(), acted()],
    phase: 'Verifying',
    reason: 'Verifying',
    steps: ['Done'],
    attempts: 1,
    finished: false,
  },
  'a write that stood already awaits its proof as well': {
    after: [act(), acted({ kind: 'AlreadyDone' })],
    phase: 'Verifying',
    reason: 'Verifying',
    steps: ['Done'],
    attempts: 1,
    finished: false,
  },
  'a rewrite that left a pod behind goes on as the same step': {
    after: [act(), leftOne],
    phase: 'Running',
    reason: 'Acting',
    steps: ['Intended'],
    attempts: 1,
    finished: false,
  },
  'a rewrite that left a pod behind for two minutes awaits its proof': {
    after: [act(), leftOne, leftOne],
    phase: 'Verifying',
    reason: 'Verifying',
    steps: ['Done'],
    attempts: 1,
    finished: false,
  },
  'a write that came too late counts for nothing': {
    after: [act(), acted({ kind: 'Stale', why: 'it moved' })],
    phase: 'Held',
    reason: 'StaleRead',
    steps: ['Planned'],
    attempts: 0,
    finished: false,
  },
  'a write that was refused has failed': {
    after: [act(), acted({ kind: 'Refused', why: 'no' })],
    phase: 'Failed',
    reason: 'WriteRefused',
    steps: ['Failed'],
    attempts: 1,
    finished: true,
  },
  'a proof that is still awaited after a crash takes the intent for done': {
    after: [act(), waiting],
    phase: 'Verifying',
    reason: 'Verifying',
    steps: ['Done'],
    attempts: 1,
    finished: false,
  },
  'it helped': {
    after: [act(), acted(), waiting, repaired],
    phase: 'Succeeded',
    reason: 'Repaired',
    steps: ['Succeeded'],
    attempts: 1,
    finished: true,
  },
  'it did not help, and that was the last action': {
    after: [act(), acted(), ineffective],
    phase: 'Ineffective',
    reason: 'DidNotHelp',
    steps: ['Ineffective'],
    attempts: 1,
    finished: true,
  },
  'it did not help, and another action follows': {
    after: [act(), acted(), escalate],
    phase: 'Held',
    reason: 'DidNotHelp',
    steps: ['Ineffective'],
    attempts: 1,
    finished: false,
  },
  'an escalation belongs to the same attempt': {
    after: [act(), acted(), escalate, act({ plan: aRecycle({ index: 1 }) })],
    phase: 'Running',
    reason: 'Acting',
    steps: ['Ineffective', 'Intended'],
    attempts: 1,
    finished: false,
  },
  'a write that was refused, and another action follows': {
    after: [act(), acted({ kind: 'Refused', why: 'no' }, { hasNext: true })],
    phase: 'Held',
    reason: 'WriteRefused',
    steps: ['Failed'],
    attempts: 1,
    finished: false,
  },
  'a second attempt is counted': {
    after: [act(), acted(), escalate, act({ attempt: 2 })],
    phase: 'Running',
    reason: 'Acting',
    steps: ['Ineffective', 'Intended'],
    attempts: 2,
    finished: false,
  },
  'an escalation that came too late leaves the attempt counted': {
    after: [act(), acted(), escalate, act({ plan: aRecycle({ index: 1 }) }), acted({ kind: 'Stale', why: 'it moved' })],
    phase: 'Held',
    reason: 'StaleRead',
    steps: ['Ineffective', 'Planned'],
    attempts: 1,
    finished: false,
  },
  'a step that is withdrawn does not count': {
    after: [act(), verification('Withdrawn', 'Withdrawn')],
    phase: 'Held',
    reason: 'Withdrawn',
    steps: ['Planned'],
    attempts: 0,
    finished: false,
  },
  'an escalation that is withdrawn leaves the attempt counted': {
    after: [act(), acted(), escalate, act({ plan: aRecycle({ index: 1 }) }), verification('Withdrawn', 'Withdrawn')],
    phase: 'Held',
    reason: 'Withdrawn',
    steps: ['Ineffective', 'Planned'],
    attempts: 1,
    finished: false,
  },
  'a step that was changed back during a crash had been written': {
    after: [act(), verification('Cancelled', 'EditReverted')],
    phase: 'Cancelled',
    reason: 'EditReverted',
    steps: ['Done'],
    attempts: 1,
    finished: true,
  },
  'an undo is intended before it is done': {
    after: [act(), acted(), undo],
    phase: 'Running',
    reason: 'Acting',
    steps: ['Ineffective', 'Intended'],
    attempts: 1,
    finished: false,
  },
  'an undo whose object changed meanwhile is decided again: the remedy is still in place': {
    after: [act(), acted(), undo, acted({ kind: 'Stale', why: 'Deployment coredns keeps changing' })],
    phase: 'Verifying',
    reason: 'Verifying',
    steps: ['Done'],
    attempts: 1,
    finished: false,
  },
  'an undo that was done ends it': {
    after: [act(), acted(), undo, acted()],
    phase: 'Ineffective',
    reason: 'Undone',
    steps: ['Ineffective', 'Undone'],
    attempts: 1,
    finished: true,
  },
  'an undo after which something follows does not': {
    after: [act(), acted(), undo, acted(DONE, { hasNext: true })],
    phase: 'Held',
    reason: 'Undone',
    steps: ['Ineffective', 'Undone'],
    attempts: 1,
    finished: false,
  },
  'a hold does not abandon what was begun': {
    after: [act(), hold('PolicySuspended')],
    phase: 'Held',
    reason: 'PolicySuspended',
    steps: ['Intended'],
    attempts: 1,
    finished: false,
  },
  'what was begun goes on when nothing holds it any more': {
    after: [act(), leftOne, hold('PolicySuspended'), act({ resume: true })],
    phase: 'Running',
    reason: 'Acting',
    steps: ['Intended'],
    attempts: 1,
    finished: false,
  },
  'what was begun is verified when nothing more is to be written': {
    after: [act(), leftOne, hold('PolicySuspended'), waiting],
    phase: 'Verifying',
    reason: 'Verifying',
    steps: ['Done'],
    attempts: 1,
    finished: false,
  },
  'what was begun is withdrawn although it was held': {
    after: [act(), hold('PolicySuspended'), verification('Withdrawn', 'Withdrawn')],
    phase: 'Held',
    reason: 'Withdrawn',
    steps: ['Planned'],
    attempts: 0,
    finished: false,
  },
  'it is unknown how much of what was begun is written': {
    after: [act(), hold('PolicySuspended'), hold('FactUnknown')],
    phase: 'Running',
    reason: 'FactUnknown',
    steps: ['Intended'],
    attempts: 1,
    finished: false,
  },
  'attempts that are spent in the middle of an escalation hold it': {
    after: [act(), acted(), escalate, hold('AttemptsSpent')],
    phase: 'Held',
    reason: 'AttemptsSpent',
    steps: ['Ineffective'],
    attempts: 1,
    finished: false,
  },
  'an owner that is gone cancels it': {
    after: [act(), acted(), verification('Cancelled', 'OwnerGone')],
    phase: 'Cancelled',
    reason: 'OwnerGone',
    steps: ['Done'],
    attempts: 1,
    finished: true,
  },
  'what recovers by itself before anything was done is cancelled': {
    after: [hold('ObserveOnly', { plan: aRewrite() }), hold('AlreadyRecovered')],
    phase: 'Cancelled',
    reason: 'Recovered',
    steps: [],
    attempts: 0,
    finished: true,
  },
}

/** One end of each kind. */
const ends: Readonly<Record<string, RemediationStatus>> = {
  Succeeded: lived(act(), acted(), repaired),
  Ineffective: lived(act(), acted(), ineffective),
  Undone: lived(act(), acted(), undo, acted()),
  Failed: lived(act(), acted({ kind: 'Refused', why: 'no' })),
  Reverted: lived(act(), acted(), verification('Cancelled', 'EditReverted')),
  Recovered: lived(hold('BudgetSpent'), hold('AlreadyRecovered')),
  Denied: lived(hold('AwaitingApproval', { plan: aRewrite(), ends: 'Denied' })),
  Closed: lived(hold('BudgetSpent'), close),
}

const afterwards: Readonly<Record<string, Happening>> = {
  'a cooldown': hold('CoolingDown'),
  'a recovery': hold('AlreadyRecovered'),
  'attempts that are spent': hold('AttemptsSpent'),
  'another plan': hold('AwaitingApproval', { plan: aRewrite({ hash: 'hash-9' }) }),
  'a plan that is turned down': hold('AwaitingApproval', { plan: aRewrite(), ends: 'Denied' }),
  'an intent': act({ attempt: 2 }),
  'a write': acted(),
  'an undo': undo,
  'a proof': repaired,
  'a proof that fails': ineffective,
  'an end': close,
}

describe('the status of a record', () => {
  test.each(Object.entries(table))('%s', (_, { after, phase, reason, steps, attempts, finished }) => {
    const status = lived(...after)
    expect({
      phase: status.phase,
      reason: status.reason,
      steps: (status.steps ?? []).map(({ state }) => state),
      attempts: status.attempts?.length ?? 0,
      finished: status.finishedAt !== undefined,
    }).toEqual({ phase, reason, steps, attempts, finished })
    const conditions = Object.fromEntries((status.conditions ?? []).map((one) => [one.type, one.status]))
    expect(conditions).toEqual({
      Finished: finished ? 'True' : 'False',
      Succeeded: phase === 'Succeeded' ? 'True' : finished ? 'False' : 'Unknown',
    })
    expect(remediationStatus.safeParse(JSON.parse(JSON.stringify(status))).error).toBeUndefined()
  })

  const unchanged: Readonly<Record<string, readonly [RemediationStatus, Happening]>> = {
    'the same hold with other words and another next look': [
      lived(held),
      hold('CoolingDown', { message: 'still 4 s', requeueAt: NOW + 64_000 }),
    ],
    'the same proposal': [
      lived(hold('ObserveOnly', { plan: aRewrite() })),
      hold('ObserveOnly', { plan: aRewrite(), message: 'again' }),
    ],
    'the same foresight with another running time': [
      lived(hold('ObserveOnly', { plan: aRewrite(), foreseen: 'NotFailingLongEnough', message: 'for 2s' })),
      hold('ObserveOnly', { plan: aRewrite(), foreseen: 'NotFailingLongEnough', message: 'for 9s' }),
    ],
    'a proof that is still awaited': [
      lived(act(), acted()),
      verification('Waiting', 'Verifying', { message: '3 of 4' }),
    ],
    'an intent that stands': [lived(act()), act({ resume: true })],
    'an undo that stands': [lived(act(), acted(), undo), undo],
    'a recovery during the proof': [lived(act(), acted()), hold('AlreadyRecovered')],
    'the same hold of what was begun': [lived(act(), hold('OperatorPaused')), hold('OperatorPaused', { message: 'x' })],
  }
  test.each(Object.entries(unchanged))('is not written for %s', (_, [before, step]) => {
    expect(happens(before, step, 600_000)).toBe(before)
  })

  test.each(Object.entries(ends))('is final once it has ended: %s', (_, ended) => {
    expect(ended.finishedAt).toBeDefined()
    expect(['Succeeded', 'Ineffective', 'Failed', 'Cancelled']).toContain(ended.phase)
    for (const [what, later] of Object.entries(afterwards))
      expect(happens(ended, later, 3 * 3_600_000), what).toBe(ended)
  })

  const changed: Readonly<Record<string, readonly [RemediationStatus, Happening]>> = {
    'another reason': [lived(held), hold('BudgetSpent')],
    'another plan': [
      lived(hold('ObserveOnly', { plan: aRewrite() })),
      hold('ObserveOnly', { plan: aRewrite({ hash: 'other' }) }),
    ],
    'another guardrail that would hold what is only observed': [
      lived(hold('ObserveOnly', { plan: aRewrite(), foreseen: 'NotFailingLongEnough', message: 'for 2s' })),
      hold('ObserveOnly', { plan: aRewrite(), message: 'it would rewrite' }),
    ],
    'a guardrail that would hold it, where the sentence names another': [
      lived(hold('ObserveOnly', { plan: aRewrite(), message: 'NotFailingLongEnough' })),
      hold('ObserveOnly', { plan: aRewrite(), foreseen: 'CoolingDown', message: 'NotFailingLongEnough' }),
    ],
  }
  test.each(Object.entries(changed))('is written for %s', (_, [before, step]) => {
    expect(happens(before, step, 60_000)).not.toBe(before)
  })

  test('is told anew when its next look passed long ago', () => {
    const before = lived(held)
    const at = NOW + 2 * 3_600_000
    const after = nextStatus(before, { at, kind: 'Held', verdict: aHold('CoolingDown', { requeueAt: at + 5_000 }) })
    expect(after.nextCheckTime).toBe(new Date(at + 5_000).toISOString())
  })

  test('names the policy that governs now, and on each step the one by which it was planned', () => {
    const watcher = { name: 'observes', uid: 'uid-observes', generation: 1 }
    const observed = lived(hold('ObserveOnly', { policy: watcher, plan: aRecycle() }))
    expect([observed.policy, observed.steps?.[0]?.policy]).toEqual([watcher, watcher])
    const other = { name: 'acts', uid: 'uid-acts', generation: 3 }
    const waits = happens(observed, hold('ObserveOnly', { policy: other, plan: aRecycle() }))
    expect(waits.policy).toEqual(other)
    const begun = happens(waits, act({ policy: other }))
    expect([begun.policy, begun.steps?.at(-1)?.policy]).toEqual([other, other])
    const held = happens(begun, hold('OperatorPaused', { policy: watcher }))
    expect([held.phase, held.policy]).toEqual(['Held', other])
  })

  test('is not written at each look where an older CRD drops the policy', () => {
    const { policy: _, ...dropped } = lived(hold('CoolingDown'))
    expect(happens(dropped, hold('CoolingDown'))).toBe(dropped)
  })

  test('tells when a condition turned, not when it was looked at', () => {
    const turned = lived(held, act(), acted(), repaired).conditions?.map((one) => [one.type, one.lastTransitionTime])
    expect(turned).toEqual([
      ['Finished', iso(180_000)],
      ['Succeeded', iso(180_000)],
    ])
  })

  test('keeps the first sight', () => {
    const first = nextStatus(
      {},
      { at: NOW, kind: 'Held', verdict: aHold('CoolingDown'), observed: { failingPods: 2, firstSeen: NOW - 5_000 } },
    )
    expect(first).toMatchObject({ failingPods: 2, firstSeen: iso(-5_000) })
    const begun = nextStatus(first, {
      at: NOW + 1,
      kind: 'Intended',
      verdict: anAct(),
      observed: { failingPods: 1, firstSeen: NOW },
    })
    expect(begun).toMatchObject({ failingPods: 1, firstSeen: iso(-5_000), startedAt: iso(1) })
  })

  test('keeps the cause that a registry told while later looks know the words alone, and no longer', () => {
    const words = (possibleCauses: readonly 'ProjectNotFound'[]) => ({
      cause: 'Unauthorized' as const,
      findings: [
        {
          container: 'coredns',
          init: false,
          image: BROKEN,
          cause: 'Unauthorized' as const,
          message: '401 Unauthorized',
          source: 'kubelet' as const,
          possibleCauses,
        },
      ],
      pods: [],
      evidence: [{ fact: 'PodStatus', message: '401 Unauthorized' }],
    })
    const told = lived(act(), acted(), escalate)
    expect(told).toMatchObject({ cause: 'ProjectNotFound', evidence: [{}, { fact: 'Registry' }] })
    const spent = happens(told, hold('AttemptsSpent', { diagnosis: words(['ProjectNotFound']) }))
    expect(spent).toMatchObject({ reason: 'AttemptsSpent', cause: told.cause, evidence: told.evidence })
    // A policy may act without asking: it recycles pods, or has verify: Never.
    const unasked = happens(told, act({ attempt: 2, diagnosis: words(['ProjectNotFound']) }))
    expect(unasked).toMatchObject({ phase: 'Running', cause: told.cause, evidence: told.evidence })
    const asked = happens(told, hold('AttemptsSpent', { diagnosis: words([]) }))
    expect(asked).toMatchObject({ cause: 'Unauthorized', evidence: [{ fact: 'PodStatus' }] })
  })

  test('carries the digest that runs after a success', () => {
    const before = lived(act(), acted())
    const after = nextStatus(before, {
      at: NOW,
      kind: 'Verified',
      verdict: aVerification('Succeeded', 'Repaired'),
      digests: { coredns: 'sha256:abc' },
    })
    expect(after.steps?.[0]?.changes?.[0]?.digestAfter).toBe('sha256:abc')
  })

  test('names no target where nothing but pods is written to', () => {
    const [of, alone] = [aRewrite(), aRewrite({ podsOnly: true })].map((plan) =>
      lived({ kind: 'Intended', verdict: anAct({ plan }) }),
    )
    expect(of?.steps?.[0]?.target).toMatchObject({ name: 'coredns' })
    expect(alone?.steps?.[0]).not.toHaveProperty('target')
  })

  test('keeps of the pods of a rewrite those that were written to: what was left proves nothing', () => {
    const pods = ['a', 'b'].map((name) => ({
      target: { apiVersion: 'v1', kind: 'Pod', name, uid: `uid-${name}` },
      resourceVersion: '1',
      annotations: {},
      changes: aRewrite().changes,
    }))
    const begun: Happening = { kind: 'Intended', verdict: anAct({ plan: aRewrite({ thenPatch: pods }) }) }
    const left = [{ name: 'a', uid: 'uid-a', why: 'it has started in the meantime' }]
    expect(lived(begun).steps?.[0]?.pods).toHaveLength(2)
    const again = acted({ kind: 'Done', at: NOW, wrote: [], left })
    expect(lived(begun, again).steps?.[0]?.pods).toHaveLength(2)
    const after = lived(begun, again, again)
    expect(after.steps?.[0]?.pods).toEqual([{ name: 'b', uid: 'uid-b' }])
  })

  const ofPods = (...names: readonly string[]) =>
    aRecycle({
      pods: names.map((name) => ({ namespace: 'kube-system', name, uid: `uid-${name}`, resourceVersion: '7' })),
    })

  test('names every pod before it is written to, also those that a resumed step finds', () => {
    const before = lived(act({ plan: ofPods('a', 'b') }))
    expect(happens(before, act({ plan: ofPods('b'), resume: true }))).toBe(before)
    const after = happens(before, act({ plan: ofPods('b', 'c'), resume: true }), 60_000)
    expect(
      after.steps?.map(({ pods, state, intendedAt }) => [pods?.map(({ name }) => name), state, intendedAt]),
    ).toEqual([[['b', 'c'], 'Intended', iso()]])
    expect(after.attempts).toEqual([iso()])
  })

  test('keeps of a step that was written in part what is to be verified', () => {
    const before = lived(act({ plan: ofPods('a', 'b') }))
    const kept = { pods: [{ name: 'a', uid: 'uid-a' }] }
    expect(happens(before, verification('Waiting', 'Verifying', { kept, message: 'partly' }))).toMatchObject({
      phase: 'Verifying',
      steps: [{ state: 'Done', pods: kept.pods, message: 'partly' }],
    })
  })

  test('tries a refusal that may pass again for a while, in the same attempt', () => {
    const refusal = acted({ kind: 'Refused', why: 'the API server starts', mayPass: true })
    const refused = happens(lived(act()), refusal, 1_000)
    expect(refused).toMatchObject({ phase: 'Running', reason: 'Acting', steps: [{ state: 'Intended' }] })
    expect(refused.message).toMatch(
      /^it is tried again until .*; the API server refused the write: the API server starts$/,
    )
    expect(happens(refused, refusal, 3_000)).toBe(refused)
    expect(happens(refused, acted(), 4_000)).toMatchObject({ phase: 'Verifying', attempts: [iso()] })
    expect(happens(refused, refusal, 20_000)).toMatchObject({ phase: 'Failed', reason: 'WriteRefused' })
    expect(happens(lived(act()), acted({ kind: 'Refused', why: 'it is disabled' }), 1_000)).toMatchObject({
      phase: 'Failed',
    })
  })

  test('keeps the attempt where the rest of a step that was written in part came too late', () => {
    const before = lived(act())
    expect(happens(before, acted({ kind: 'Stale', why: 'it moved' }, { partly: true }))).toBe(before)
  })

  test('names the pods that were left standing and the right that is missing', () => {
    const left = [{ name: 'web-0', uid: 'u', why: 'it changed' }]
    expect(lived(act(), acted({ kind: 'Done', at: NOW, wrote: [], left })).message).toContain(
      'pod web-0 was not changed: it changed',
    )
    const refused = lived(act(), acted({ kind: 'Refused', why: 'no', missingRight: 'patch deployments.apps' }))
    expect(refused.message).toContain('missing right: patch deployments.apps')
  })

  test.each(HOLD_REASONS)('says %s of what is held', (reason) => {
    expect(lived(hold(reason)).reason).toBe(reason === 'AlreadyRecovered' ? 'Recovered' : reason)
  })

  test('stays within the bounds of the CRD whatever it is told', () => {
    const long = 'x'.repeat(40_000)
    const pods = Array.from({ length: 600 }, (_, i) => ({
      namespace: 'n',
      name: `p${i}`,
      uid: `${i}`,
      resourceVersion: '1',
    }))
    const evidence = Array.from({ length: 100 }, () => ({ fact: long, message: long }))
    const verdict = aHold('ObserveOnly', {
      message: long,
      plan: aRewrite({ diff: long, thenDelete: pods }),
      diagnosis: { cause: 'ProjectNotFound', findings: [], pods: [], evidence, permanentFix: long },
    })
    let status = nextStatus({}, { at: NOW, kind: 'Held', verdict })
    for (let attempt = 1; attempt < 120; attempt += 1) {
      status = nextStatus(status, { at: NOW + attempt, kind: 'Intended', verdict: anAct({ attempt }) })
      const refused = { kind: 'Refused', why: long } as const
      status = nextStatus(status, { at: NOW + attempt, kind: 'Acted', outcome: refused, hasNext: true })
    }
    expect(status.attempts?.length).toBeGreaterThan(50)
    expect(remediationStatus.safeParse(JSON.parse(JSON.stringify(status))).error).toBeUndefined()
  })
})

describe('the time to decide on a plan', () => {
  const asked = happens({}, hold('AwaitingApproval', { plan: aRewrite(), expiresAt: NOW + 60_000 }))

  test('stands on the record while the plan is the same, whatever else holds it', () => {
    expect(asked.expiresAt).toBe(iso(60_000))
    expect(happens(asked, hold('BudgetSpent', { plan: aRewrite() })).expiresAt).toBe(iso(60_000))
    const other = happens(
      asked,
      hold('AwaitingApproval', { plan: aRewrite({ hash: 'other' }), expiresAt: NOW + 90_000 }),
    )
    const again = happens(other, hold('AwaitingApproval', { plan: aRewrite(), expiresAt: NOW + 99_000 }))
    expect(again.proposals).toEqual([
      { planHash: 'other', expiresAt: iso(90_000) },
      { planHash: aRewrite().hash, expiresAt: iso(99_000) },
    ])
  })

  test.each<readonly [string, Happening]>([
    ['another plan is held', hold('BudgetSpent', { plan: aRewrite({ hash: 'hash-9' }) })],
    ['there is no plan any more', hold('FactUnknown')],
    ['it is carried out', act()],
    ['it was turned down', hold('AwaitingApproval', { plan: aRewrite(), ends: 'Denied' })],
    ['nothing fails any more', hold('AlreadyRecovered')],
    ['the record is closed', { kind: 'Closed', reason: 'Superseded', message: 'x' }],
  ])('goes when %s', (_, what) => {
    expect(happens(asked, what)).not.toHaveProperty('expiresAt')
  })

  test('is said of a step that was begun before a person had to be asked', () => {
    const begun = lived(act())
    expect(happens(begun, hold('AwaitingApproval', { expiresAt: NOW + 60_000 }))).toMatchObject({
      phase: 'AwaitingApproval',
      expiresAt: iso(60_000),
    })
  })
})

import { describe, expect, test } from 'vitest'
import { known, unknown } from '../../model/incident.ts'
import { decide } from '../decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
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
  wrote,
  wroteStatus,
} from '../testing.ts'
import { confirm } from './in-progress.ts'

/** Approved or denied by a person, or asked for approval, since the intent of that plan. */
const asking = [aPolicy({ mode: 'Approve', approvalTimeout: '2h' })]
const asked = (status: object, decision?: 'Approved' | 'Denied') => {
  const record = intendedBy(aCase())
  const planHash = record.status?.planHash ?? ''
  const spec = { ...record.spec, ...(decision && { approval: { decision, planHash, by: 'ann' } }) }
  return [{ ...record, spec, status: { ...record.status, ...status } }]
}

const repaired = anOwner({ containers: [{ name: 'coredns', image: PATCHED }] })
const set = anOwner({ kind: 'StatefulSet', keepsBrokenPods: true })
const marked = { 'podmend.io/original-image': JSON.stringify({ coredns: BROKEN }) }
const repairedSet = { ...set, containers: repaired.containers, annotations: marked }
const cron = anOwner({ kind: 'CronJob', patchesPods: true })
const ofCron = { owner: cron, facts: { pods: known([aPod()]) } }
const newPod = aPod({ name: 'new', containers: [{ name: 'coredns', image: PATCHED }], statuses: [running(-40_000)] })
const recycler = [aPolicy({ actions: [recycling('Evict')] })]
const three = ['a', 'b', 'c'].map((name) => aFailingPod({ name }))
const ofSet = { owner: set, facts: { pods: known([aPod()]) } }
const corrected = rewriting({ rules: [{ from: 'harbor.od.com/k8s/', to: 'harbor.od.com/corrected/' }] })
const withdrawn = (message: string) => ({
  kind: 'Verify',
  outcome: 'Withdrawn',
  message: expect.stringContaining(message),
})
const partly = (message: string) => ({
  kind: 'Verify',
  outcome: 'Waiting',
  kept: expect.anything(),
  message: expect.stringContaining(`partly written; the rest is not: ${message}`),
})
/** A rewrite that was put back, and allowed again by a change of its policy. */
const putBack = anOwner({ annotations: marked, managedFields: [wrote('kubectl-edit', -90_000)] })
const lifted = aRecord({
  name: 'earlier',
  phase: 'Succeeded',
  steps: [aStep({ state: 'Succeeded', policy: { name: 'moved', uid: 'uid-moved', generation: 0 } })],
})

/** The case today, what follows, and the case in which the intent was recorded, if that was another. */
type Row = readonly [sentence: string, today: InputOverrides, expected: object, first?: InputOverrides]
const rows: readonly Row[] = [
  [
    'written, and scaled to zero since: that it was written is recorded first',
    { owner: { ...repaired, replicas: 0 } },
    { kind: 'Verify', outcome: 'Waiting', message: 'the write had taken effect' },
  ],
  [
    'not written, and scaled to zero since: cancelled',
    { owner: anOwner({ replicas: 0 }) },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'ScaledToZero' },
  ],
  [
    'not written: it goes on, as the same attempt and the same plan',
    {},
    {
      kind: 'Act',
      resume: true,
      attempt: 1,
      plan: { changes: [{ was: BROKEN, to: PATCHED, pointer: '/spec/template/spec/containers/0' }] },
    },
  ],
  [
    'not written, approved: it goes on by that approval',
    { policies: asking, records: asked({}, 'Approved') },
    { kind: 'Act', resume: true },
  ],
  [
    'not written, and the policy asks since: a person may still decide',
    { policies: asking, records: asked({}) },
    { kind: 'Hold', reason: 'AwaitingApproval', expiresAt: NOW + 7_200_000 },
  ],
  [
    'not written, and a person denied it: it is withdrawn',
    { policies: asking, records: asked({}, 'Denied') },
    withdrawn('ann denied'),
  ],
  [
    'not written, and nobody decided in time: it is withdrawn',
    { policies: asking, records: asked({ expiresAt: at(-1) }) },
    withdrawn('expired'),
  ],
  [
    'the rule that planned it was corrected since',
    { policies: [aPolicy({ generation: 2, actions: [corrected] })] },
    withdrawn("today's plan is another one: rewrite the image"),
  ],
  [
    'the rule was corrected in a policy that was created anew',
    { policies: [aPolicy({ uid: 'uid-2', actions: [corrected] })] },
    withdrawn('harbor.od.com/corrected/'),
  ],
  [
    'the action was removed since, and another one is left',
    { policies: [aPolicy({ generation: 3, actions: [recycling()] })] },
    withdrawn("today's plan is another one: delete"),
  ],
  [
    'another policy applies now',
    { policies: [aPolicy(), aPolicy({ name: 'first', priority: 10 })] },
    withdrawn("today's plan is another one"),
  ],
  [
    'the intent is too old',
    { records: [intendedBy(aCase(), { intendedAt: at(-601_000) })] },
    withdrawn('the intent is older than 10m'),
  ],
  [
    'the intent is of an unknown time',
    { records: [intendedBy(aCase(), { intendedAt: undefined })] },
    withdrawn('the intent is older than 10m'),
  ],
  [
    'written: only the proof is left',
    { owner: repaired, facts: { pods: known([newPod]) } },
    { kind: 'Verify', outcome: 'Succeeded' },
  ],
  [
    'written, and the policy is gone: only the proof is left',
    { owner: repaired, policies: [], facts: { pods: known([newPod]) } },
    { kind: 'Verify', outcome: 'Succeeded' },
  ],
  [
    'written, while the operator is paused: nothing is left to write',
    { owner: repaired, operator: { paused: known(true) }, facts: { pods: known([newPod]) } },
    { kind: 'Verify', outcome: 'Succeeded' },
  ],
  [
    'its own attempt uses up neither a budget nor the attempts, and asks for no cooldown',
    {
      policies: [aPolicy({ limits: { maxAttempts: 1, maxPerHour: 1 } })],
      attempts: [anAttempt(-61_000)],
      operator: { maxActionsPerHour: 1 },
    },
    { kind: 'Act', resume: true },
  ],
  [
    'the budget was lowered since',
    { attempts: [anAttempt(-61_000), anAttempt(-62_000, { incident: 'other' })], operator: { maxActionsPerHour: 1 } },
    { kind: 'Hold', reason: 'OperatorBudgetSpent' },
  ],
  [
    'the operator is paused since',
    { operator: { paused: known(true) } },
    {
      kind: 'Hold',
      reason: 'OperatorPaused',
      message: expect.stringMatching(/^started but not written: /),
      plan: { type: 'RewriteImage' },
    },
  ],
  [
    'the policy is suspended since',
    { policies: [aPolicy({ suspend: true })] },
    { kind: 'Hold', reason: 'PolicySuspended' },
  ],
  [
    'the policy only observes since',
    { policies: [aPolicy({ mode: 'Observe' })] },
    { kind: 'Hold', reason: 'ObserveOnly' },
  ],
  [
    'the owner opted out since',
    { owner: anOwner({ labels: { 'podmend.io/exclude': 'true' } }) },
    { kind: 'Hold', reason: 'OptedOut' },
  ],
  [
    'the rollout was paused since',
    { owner: anOwner({ blocked: 'paused' }) },
    { kind: 'Hold', reason: 'RolloutBlocked' },
  ],
  [
    'the target must still be there',
    { facts: { registry: { [PATCHED]: unknown('x') } } },
    { kind: 'Hold', reason: 'TargetUnverified' },
  ],
  ['facts are asked for as at first', { facts: { node: undefined } }, { kind: 'Ask', facts: [{ fact: 'nodes' }] }],
  [
    'the cause must still be the one that the policy answers to',
    { pods: [aFailingPod({ findings: [aFinding({ cause: 'Unauthorized', possibleCauses: ['ProjectNotFound'] })] })] },
    { kind: 'Ask', facts: [{ fact: 'registry', image: BROKEN }] },
  ],
  ['the policy is gone', { policies: [] }, withdrawn('no policy matches')],
  [
    'the policy does not answer to it any more',
    { policies: [aPolicy({ match: { causes: ['Forbidden'] } })] },
    withdrawn('no policy matches'),
  ],
  ['nothing fails any more, and nothing was written', { pods: [] }, withdrawn('is failing')],
  [
    'pods of a Job may still have our image, and cannot be seen',
    { owner: anOwner({ kind: 'CronJob', patchesPods: true }), facts: { pods: unknown('pods may not be listed') } },
    { kind: 'Hold', reason: 'FactUnknown', message: expect.stringContaining('pods may not be listed') },
  ],
  [
    'somebody wrote something else meanwhile',
    { owner: anOwner({ containers: [{ name: 'coredns', image: 'x/y:1' }], managedFields: [wrote('helm', -60_000)] }) },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'TemplateDiffers', message: expect.stringContaining('helm') },
  ],
  [
    'somebody changed it back after it was written',
    { owner: anOwner({ managedFields: [wrote('kubectl-edit', -30_000)] }) },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'EditReverted', message: expect.stringContaining('kubectl-edit') },
  ],
  [
    'somebody changed it back at once, as our annotation tells',
    { owner: anOwner({ annotations: marked, managedFields: [wrote('kubectl-edit', -60_000)] }) },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'EditReverted' },
  ],
  [
    'not written: an annotation of an earlier rewrite, and an image of long before, say nothing else',
    { owner: putBack, records: [intendedBy(aCase({ owner: putBack, records: [lifted] })), lifted] },
    { kind: 'Act', resume: true },
  ],
  [
    'the owner is gone',
    { owner: { ...repaired, gone: true } },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'OwnerGone' },
  ],

  [
    'StatefulSet: what is left to do cannot be seen',
    { owner: set, facts: { pods: unknown('403') } },
    { kind: 'Hold', reason: 'FactUnknown' },
    ofSet,
  ],
  ['StatefulSet: the pods are asked for', { owner: repairedSet }, { kind: 'Ask', facts: [{ fact: 'pods' }] }, ofSet],
  ['StatefulSet: not written: all of it goes on', ofSet, { kind: 'Act', resume: true }, ofSet],
  [
    'StatefulSet: written, its broken pods are still to be deleted',
    { owner: repairedSet, facts: { pods: known([aPod()]) } },
    {
      kind: 'Act',
      resume: true,
      plan: { changes: [{ was: PATCHED, to: PATCHED }], thenDelete: [{ uid: 'uid-coredns-a' }] },
    },
    ofSet,
  ],
  [
    'StatefulSet: written over an earlier rewrite, its broken pods are still to be deleted',
    {
      owner: { ...repairedSet, annotations: { 'podmend.io/original-image': '{"coredns":"x/y:1"}' } },
      facts: { pods: known([aPod()]) },
    },
    { kind: 'Act', resume: true, plan: { thenDelete: [{ uid: 'uid-coredns-a' }] } },
    { ...ofSet, owner: { ...set, annotations: { 'podmend.io/original-image': '{"coredns":"x/y:1"}' } } },
  ],
  [
    'CronJob: its template is written, its waiting pod is still to be patched',
    { owner: { ...cron, containers: repaired.containers, annotations: marked }, facts: { pods: known([aPod()]) } },
    { kind: 'Act', resume: true, plan: { thenPatch: [{ target: { uid: 'uid-coredns-a' } }] } },
    ofCron,
  ],
  [
    'StatefulSet: written, one of its broken pods is deleted: the others are still to be',
    {
      owner: repairedSet,
      pods: three.slice(1),
      facts: { pods: known(three.slice(1).map(({ pod }) => pod)) },
    },
    { kind: 'Act', resume: true, plan: { thenDelete: [{ uid: 'uid-b' }, { uid: 'uid-c' }] } },
    { owner: set, pods: three, facts: { pods: known(three.map(({ pod }) => pod)) } },
  ],
  [
    'StatefulSet: a failing pod of the new revision is not deleted',
    { owner: repairedSet, pods: [aFailingPod({ name: 'new' })], facts: { pods: known([newPod]) } },
    { kind: 'Verify' },
    ofSet,
  ],
  [
    'StatefulSet: a broken pod that the record does not name is not deleted',
    { owner: repairedSet, pods: [aFailingPod({ name: 'b' })], facts: { pods: known([aPod({ name: 'b' })]) } },
    partly("today's plan is another one"),
    ofSet,
  ],
  [
    'StatefulSet: written, and the rule was corrected since: its pods are left',
    {
      owner: repairedSet,
      facts: { pods: known([aPod()]) },
      policies: [aPolicy({ generation: 2, actions: [corrected] })],
    },
    partly("today's plan is another one"),
    ofSet,
  ],
  [
    'StatefulSet: a pause stops the deletion too',
    { owner: repairedSet, operator: { paused: known(true) }, facts: { pods: known([aPod()]) } },
    { kind: 'Hold', reason: 'OperatorPaused', message: expect.stringMatching(/^started but not completed/) },
    ofSet,
  ],
  [
    'StatefulSet: so does what holds a new step alone',
    { owner: { ...repairedSet, blocked: 'paused' }, facts: { pods: known([aPod()]) } },
    { kind: 'Hold', reason: 'RolloutBlocked', message: expect.stringMatching(/^started but not completed/) },
    ofSet,
  ],

  [
    'recycling: the pods that are left',
    {
      policies: recycler,
      pods: [aFailingPod({ name: 'b' }), aFailingPod({ name: 'c' })],
      facts: { pods: known([aPod({ name: 'a', leaving: true }), aPod({ name: 'b' }), aPod({ name: 'c' })]) },
    },
    { kind: 'Act', resume: true, plan: { type: 'RecyclePod', method: 'Evict', pods: [{ name: 'b' }] } },
    { policies: recycler, pods: three.slice(0, 2) },
  ],
  [
    'recycling: those that are left do not fail any more',
    {
      policies: recycler,
      pods: [aFailingPod({ name: 'c' })],
      facts: { pods: known([aPod({ name: 'b' }), aPod({ name: 'c' })]) },
    },
    { ...partly("today's plan is another one"), kept: { pods: [{ name: 'a' }] } },
    { policies: recycler, pods: three.slice(0, 2) },
  ],
  [
    'recycling: the action was removed since',
    { facts: { pods: known([aPod()]) } },
    withdrawn("today's plan is another one"),
    { policies: recycler },
  ],
  [
    'recycling: the method was changed since: it is decided anew',
    { policies: [aPolicy({ generation: 2, actions: [recycling('Evict')] })], facts: { pods: known([aPod()]) } },
    withdrawn("today's plan is another one"),
    { policies: [aPolicy({ actions: [recycling('Delete')] })] },
  ],
  [
    'recycling: every pod is gone',
    { policies: recycler, pods: [], facts: { pods: known([newPod]) } },
    { kind: 'Verify', outcome: 'Succeeded' },
    { policies: recycler },
  ],
]

const twins = (first: string, second: string) =>
  anOwner({
    containers: [
      { name: 'coredns', image: first },
      { name: 'twin', image: second },
    ],
  })
const both = [aFailingPod({ findings: ['coredns', 'twin'].map((container) => aFinding({ container })) })]

test('Begun before a crash: where somebody else wrote a part of it meanwhile, it is decided anew', () => {
  const record = intendedBy(aCase({ owner: twins(BROKEN, BROKEN), pods: both }))
  const c = aCase({ owner: twins(PATCHED, BROKEN), pods: both, records: [record] })
  expect(record.status?.steps?.[0]?.changes).toHaveLength(2)
  expect(decide(c)).toMatchObject({ kind: 'Verify', outcome: 'Withdrawn' })
})

test('Begun before a crash: a Deployment replaces its broken pods by itself', () => {
  const c = aCase({ owner: repaired, records: [intendedBy(aCase())], facts: { pods: known([newPod, aPod()]) } })
  expect(decide(c)).toMatchObject({ kind: 'Verify', outcome: 'Waiting' })
})

for (const [sentence, today, expected, first = {}] of rows) {
  test(`Begun before a crash: ${sentence}`, () => {
    expect(decide(aCase({ records: [intendedBy(aCase(first))], ...today }))).toMatchObject(expected)
  })
}

test('Between the intent and the write, what a person stopped or changed is not carried out', () => {
  const confirmed = (today: InputOverrides) => confirm(aCase({ records: [intendedBy(aCase())], ...today }))
  expect(confirmed({})).toMatchObject({ type: 'RewriteImage', changes: [{ was: BROKEN, to: PATCHED }] })
  expect(confirmed({ attempts: [anAttempt(-61_000)] })).toBeDefined()
  for (const today of [
    { operator: { paused: known(true) } },
    { policies: [aPolicy({ suspend: true })] },
    { policies: [aPolicy({ mode: 'Observe' })] },
    { policies: [aPolicy({ match: { namespaces: ['elsewhere'] } })] },
    { policies: [aPolicy({ generation: 2, actions: [recycling()] })] },
    { policies: [] },
    { records: [] },
  ]) {
    expect(confirmed(today)).toBeUndefined()
  }
})

test('Begun before a crash: an escalation goes on as the second step of its attempt', () => {
  const policies = [aPolicy({ actions: [recycling(), rewriting()] })]
  const tried = aStep({ state: 'Ineffective', action: 'RecyclePod', changes: undefined, intendedAt: at(-90_000) })
  const attempts = [anAttempt(-90_000)]
  const record = aRecord({ phase: 'Held', steps: [tried], status: { attempts: [at(-90_000)] } })
  const act = decide(aCase({ policies, records: [record], attempts }))
  if (act.kind !== 'Act') throw new Error(act.kind)
  const step = aStep({
    index: 1,
    state: 'Intended',
    planHash: act.plan.hash,
    intendedAt: at(-1_000),
    actedAt: undefined,
  })
  const running = { ...record, status: { ...record.status, phase: 'Running' as const, steps: [tried, step] } }
  expect(decide(aCase({ policies, records: [running], attempts }))).toMatchObject({
    kind: 'Act',
    resume: true,
    attempt: 1,
    plan: { type: 'RewriteImage', index: 1, hash: act.plan.hash },
  })
})

/** The remedy did not help; to take it back was begun. */
const undoing = [
  aRecord({
    phase: 'Running',
    steps: [
      aStep({ state: 'Ineffective' }),
      aStep({
        state: 'Intended',
        kind: 'Undo',
        actedAt: undefined,
        planHash: 'undo-1',
        changes: [{ container: 'coredns', init: false, from: PATCHED, to: BROKEN }],
      }),
    ],
  }),
]
const policies = [aPolicy({ onIneffective: 'Undo', actions: [rewriting(), recycling()] })]

const undos: readonly (readonly [sentence: string, words: InputOverrides, expected: object])[] = [
  [
    'not written: it goes on',
    { owner: repaired },
    {
      kind: 'Verify',
      outcome: 'Ineffective',
      next: { kind: 'Undo', plan: { hash: 'undo-1', changes: [{ was: PATCHED, to: BROKEN }] } },
    },
  ],
  [
    'written: it is told',
    { owner: anOwner(), operator: { paused: known(true) } },
    {
      kind: 'Verify',
      outcome: 'Ineffective',
      next: { kind: 'Undo', plan: { changes: [{ was: BROKEN, to: BROKEN }] } },
    },
  ],
  [
    'the operator is paused since',
    { owner: repaired, operator: { paused: known(true) } },
    { kind: 'Hold', message: expect.stringContaining('OperatorPaused') },
  ],
  [
    'the owner opted out since',
    { owner: { ...repaired, labels: { 'podmend.io/exclude': 'true' } } },
    { kind: 'Verify', outcome: 'Ineffective', next: { kind: 'Stop' } },
  ],
  [
    'the policy is gone',
    { owner: repaired, policies: [] },
    { kind: 'Verify', outcome: 'Ineffective', next: { kind: 'Stop' } },
  ],
  [
    'the policy keeps it since',
    { owner: repaired, policies: [aPolicy({ onIneffective: 'Keep', actions: [rewriting(), recycling()] })] },
    {
      kind: 'Verify',
      outcome: 'Ineffective',
      next: { kind: 'Stop' },
      message: expect.stringContaining('now keeps it'),
    },
  ],
  [
    'somebody wrote something else meanwhile',
    { owner: anOwner({ containers: [{ name: 'coredns', image: 'x/y:1' }] }) },
    { kind: 'Verify', outcome: 'Cancelled' },
  ],
]

test.each(undos)('An undo begun before a crash: %s', (_sentence, words, expected) => {
  expect(decide(aCase({ records: undoing, policies, ...words }))).toMatchObject(expected)
})

describe('who wrote the image last is compared by the clock of the API server alone', () => {
  const HOUR = 3_600_000
  /** The API server's clock is off by so much from the controller's; an image was written so long after the intent. */
  const resumed = (offBy: number, afterMs: number, more: { noted?: boolean; annotations?: object } = {}) => {
    const intent = offBy - 61_000
    const record = intendedBy(aCase(), more.noted ? { recordedAt: at(intent) } : {})
    // Where the intent is noted on the step, the status was written again since.
    const managedFields = [wroteStatus(more.noted ? offBy - 5_000 : intent)]
    const owner = anOwner({
      annotations: { ...more.annotations },
      managedFields: [wrote('podmend', intent - 90_000), wrote('kubectl-edit', intent + afterMs)],
    })
    return decide(aCase({ owner, records: [{ ...record, metadata: { ...record.metadata, managedFields } }] }))
  }

  test.each([-HOUR, 0, HOUR])('off by %i ms', (offBy) => {
    const reverted = { kind: 'Verify', outcome: 'Cancelled', reason: 'EditReverted' }
    const goesOn = { kind: 'Act', resume: true }
    expect(resumed(offBy, 10_000)).toMatchObject(reverted)
    expect(resumed(offBy, 2_000)).toMatchObject(reverted)
    expect(resumed(offBy, -2_000)).toMatchObject(goesOn)
    expect(resumed(offBy, 10_000, { noted: true })).toMatchObject(reverted)
    expect(resumed(offBy, -2_000, { noted: true })).toMatchObject(goesOn)
    // Within the same second the annotations tell.
    expect(resumed(offBy, 0)).toMatchObject(goesOn)
    expect(resumed(offBy, 0, { annotations: marked })).toMatchObject(reverted)
    const annotations = { 'podmend.io/reverted-image': marked['podmend.io/original-image'] }
    expect(resumed(offBy, 0, { annotations })).toMatchObject(reverted)
  })
})

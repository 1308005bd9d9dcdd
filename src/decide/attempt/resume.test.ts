import { expect, test } from 'vitest'
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
  NOW,
  PATCHED,
  recycling,
  rewriting,
  running,
  wrote,
} from '../testing.ts'

/** The intent is on the record; the process ended before it recorded the outcome. */
const intended = (words: Parameters<typeof aStep>[0] = {}) => [
  aRecord({ phase: 'Running', steps: [aStep({ state: 'Intended', attempt: 2, actedAt: undefined, ...words })] }),
]
/** The same under a policy that asks, with what was said of its plan. */
const asked = (status: object, said?: 'Approved' | 'Denied') =>
  intended().map((record) => ({
    ...record,
    spec: { ...record.spec, ...(said && { approval: { decision: said, planHash: 'plan-1', by: 'ann' } }) },
    status: { ...record.status, planHash: 'plan-1', ...status },
  }))
const asking = [aPolicy({ mode: 'Approve', approvalTimeout: '2h' })]

const repaired = anOwner({ containers: [{ name: 'coredns', image: PATCHED }] })
const set = anOwner({ kind: 'StatefulSet', keepsBrokenPods: true })
const repairedSet = { ...set, containers: repaired.containers }
const newPod = aPod({ name: 'new', containers: [{ name: 'coredns', image: PATCHED }], statuses: [running(-40_000)] })
const recycle = {
  action: 'RecyclePod' as const,
  changes: undefined,
  pods: ['a', 'b'].map((name) => ({ name, uid: `uid-${name}` })),
}
const recycler = [aPolicy({ actions: [recycling('Evict')] })]

type Row = readonly [sentence: string, words: InputOverrides, expected: object]
const rows: readonly Row[] = [
  [
    'not written: it goes on, as the same attempt and the same plan',
    {},
    {
      kind: 'Act',
      resume: true,
      attempt: 2,
      plan: { hash: 'plan-1', changes: [{ was: BROKEN, to: PATCHED, pointer: '/spec/template/spec/containers/0' }] },
    },
  ],
  [
    'not written, approved: it goes on by that approval',
    { policies: asking, records: asked({}, 'Approved') },
    { kind: 'Act', resume: true, plan: { hash: 'plan-1' } },
  ],
  [
    'not written, and the policy asks since: a person may still decide',
    { policies: asking, records: asked({}) },
    { kind: 'Hold', reason: 'AwaitingApproval', expiresAt: NOW + 7_200_000 },
  ],
  [
    'not written, and a person denied it: it is withdrawn',
    { policies: asking, records: asked({}, 'Denied') },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'Denied' },
  ],
  [
    'not written, and nobody decided in time: it is withdrawn',
    { policies: asking, records: asked({ expiresAt: at(-1) }) },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'Expired' },
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
    'budgets and pauses were asked when it began',
    {
      attempts: [anAttempt(-60_000), anAttempt(-61_000), anAttempt(-62_000)],
      operator: { maxActionsPerHour: 1 },
      active: { moved: 5 },
    },
    { kind: 'Act', resume: true },
  ],
  [
    'the operator is paused since',
    { operator: { paused: known(true) } },
    {
      kind: 'Hold',
      reason: 'OperatorPaused',
      message: expect.stringMatching(/^started but not written: /),
      plan: { hash: 'plan-1' },
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
  [
    'the policy is gone',
    { policies: [] },
    { kind: 'Verify', outcome: 'Cancelled', message: expect.stringContaining('policy moved was deleted') },
  ],
  [
    'the policy does not answer to it any more',
    { policies: [aPolicy({ match: { causes: ['Forbidden'] } })] },
    { kind: 'Verify', outcome: 'Cancelled' },
  ],
  [
    'nothing fails any more, and nothing was written',
    { pods: [] },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'Recovered' },
  ],
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
    'the owner is gone',
    { owner: { ...repaired, gone: true } },
    { kind: 'Verify', outcome: 'Cancelled', reason: 'OwnerGone' },
  ],

  [
    'StatefulSet: what is left to do cannot be seen',
    { owner: set, facts: { pods: unknown('403') } },
    { kind: 'Hold', reason: 'FactUnknown' },
  ],
  ['StatefulSet: the pods are asked for', { owner: repairedSet }, { kind: 'Ask', facts: [{ fact: 'pods' }] }],
  [
    'StatefulSet: written, its broken pods are still to be deleted',
    { owner: repairedSet, facts: { pods: known([aPod()]) } },
    {
      kind: 'Act',
      resume: true,
      plan: { changes: [{ was: PATCHED, to: PATCHED }], thenDelete: [{ uid: 'uid-coredns-a' }] },
    },
  ],
  [
    'StatefulSet: a failing pod of the new revision is not deleted',
    { owner: repairedSet, pods: [aFailingPod({ name: 'new' })], facts: { pods: known([newPod]) } },
    { kind: 'Verify' },
  ],
  [
    'StatefulSet: a pause stops the deletion too',
    { owner: repairedSet, operator: { paused: known(true) }, facts: { pods: known([aPod()]) } },
    { kind: 'Hold', reason: 'OperatorPaused', message: expect.stringMatching(/^started but not completed/) },
  ],

  [
    'recycling: the pods that are left',
    {
      records: intended(recycle),
      policies: recycler,
      pods: [aFailingPod({ name: 'b' })],
      facts: { pods: known([aPod({ name: 'a', leaving: true }), aPod({ name: 'b' }), aPod({ name: 'c' })]) },
    },
    { kind: 'Act', resume: true, plan: { type: 'RecyclePod', method: 'Evict', hash: 'plan-1', pods: [{ name: 'b' }] } },
  ],
  [
    'recycling: every pod is gone',
    { records: intended(recycle), policies: recycler, pods: [], facts: { pods: known([newPod]) } },
    { kind: 'Verify', outcome: 'Succeeded' },
  ],
]

const twins = (first: string, second: string) =>
  anOwner({
    containers: [
      { name: 'coredns', image: first },
      { name: 'twin', image: second },
    ],
  })
const both = ['coredns', 'twin'].map((container) => ({ container, init: false, from: BROKEN, to: PATCHED }))

test('Begun before a crash: what somebody else wrote of it meanwhile is left, the rest is written', () => {
  const c = aCase({ owner: twins(PATCHED, BROKEN), records: intended({ changes: both }) })
  expect(decide(c)).toMatchObject({ kind: 'Act', resume: true, plan: { changes: [{ was: PATCHED }, { was: BROKEN }] } })
})

test('Begun before a crash: a Deployment replaces its broken pods by itself', () => {
  const c = aCase({ owner: repaired, records: intended(), facts: { pods: known([newPod, aPod()]) } })
  expect(decide(c)).toMatchObject({ kind: 'Verify', outcome: 'Waiting' })
})

test.each(rows)('Begun before a crash: %s', (_sentence, words, expected) => {
  expect(decide(aCase({ records: intended(), ...words }))).toMatchObject(expected)
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

const undos: readonly Row[] = [
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
    'somebody wrote something else meanwhile',
    { owner: anOwner({ containers: [{ name: 'coredns', image: 'x/y:1' }] }) },
    { kind: 'Verify', outcome: 'Cancelled' },
  ],
]

test.each(undos)('An undo begun before a crash: %s', (_sentence, words, expected) => {
  expect(decide(aCase({ records: undoing, policies, ...words }))).toMatchObject(expected)
})

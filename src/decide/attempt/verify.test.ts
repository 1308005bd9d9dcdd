import { expect, test } from 'vitest'
import { known, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { decide } from '../decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
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
  type PodOverrides,
  pulling,
  recycling,
  rewriting,
  running,
  STABILIZATION_MS,
  wrote,
} from '../testing.ts'

const MIN = 60_000
const mended = (words: PodOverrides = {}): Pod =>
  aPod({ name: 'new', containers: [{ name: 'coredns', image: PATCHED }], statuses: [running(-40_000)], ...words })
const repaired = anOwner({ containers: [{ name: 'coredns', image: PATCHED }] })

/** A rewrite that was written a minute ago, with these pods. */
const verifying = (pods: readonly Pod[] | undefined, words: InputOverrides = {}): InputOverrides => ({
  owner: repaired,
  pods: [],
  records: [aRecord()],
  ...words,
  facts: { ...(pods && { pods: known(pods) }), ...words.facts },
})
const init = (status: object) =>
  verifying(
    [
      mended({
        containers: [],
        initContainers: [{ name: 'coredns', image: PATCHED }],
        initStatuses: [{ name: 'coredns', ...status }],
        statuses: [],
      }),
    ],
    {
      owner: anOwner({ containers: [], initContainers: [{ name: 'coredns', image: PATCHED }] }),
      records: [
        aRecord({ steps: [aStep({ changes: [{ container: 'coredns', init: true, from: BROKEN, to: PATCHED }] })] }),
      ],
    },
  )
const late = (words: Parameters<typeof aStep>[0] = {}) => [
  aRecord({ steps: [aStep({ actedAt: at(-5 * MIN), ...words })] }),
]
const undoing = aPolicy({ onIneffective: 'Undo' })

type Row = readonly [sentence: string, words: InputOverrides, expected: object]
const proves = (outcome: string, more: object = {}) => ({ kind: 'Verify', outcome, ...more })
const waits = (message: RegExp, ms?: number) =>
  proves('Waiting', { message: expect.stringMatching(message), ...(ms !== undefined && { requeueAt: NOW + ms }) })

const DAY = 24 * 60 * MIN
const rows: readonly Row[] = [
  [
    'a start that a clock which is ahead wrote is not waited for',
    verifying([mended({ statuses: [running(DAY)] })]),
    waits(/waiting until/, 4 * MIN),
  ],
  [
    'a start that a clock which is ahead wrote counts at the deadline',
    verifying([mended({ statuses: [running(DAY)] })], { records: late() }),
    proves('Succeeded'),
  ],
  ['the pods of the owner are asked for', verifying(undefined), { kind: 'Ask', facts: [{ fact: 'pods' }] }],
  [
    'pods that cannot be seen prove nothing',
    verifying(undefined, { facts: { pods: unknown('403') } }),
    waits(/cannot be read: 403/),
  ],
  [
    'pods that cannot be seen prove nothing, also when the time is up',
    verifying(undefined, { facts: { pods: unknown('403') }, records: late() }),
    waits(/403/),
  ],

  [
    'succeeded when the containers started and stayed so',
    verifying([mended()]),
    proves('Succeeded', { reason: 'Repaired' }),
  ],
  [
    'succeeded to the millisecond',
    verifying([mended({ statuses: [running(-STABILIZATION_MS)] })]),
    proves('Succeeded'),
  ],
  [
    'started a millisecond less than that ago: looks again exactly then',
    verifying([mended({ statuses: [running(-STABILIZATION_MS + 1)] })]),
    waits(/^waiting until all containers of .* have been running for 30s$/, 1),
  ],
  [
    'the youngest container counts',
    verifying([mended(), mended({ name: 'b', statuses: [running(-10_000)] })]),
    waits(/have been running for 30s$/, 20_000),
  ],
  [
    'a container that has not passed its startup probe has not started',
    verifying([mended({ statuses: [{ ...running(-40_000), started: false }] })]),
    waits(/coredns of pod new: it has not started/),
  ],
  [
    'a container that runs since nobody knows when has not started',
    verifying([mended({ statuses: [{ name: 'coredns', state: { running: {} } }] })]),
    waits(/not started/),
  ],
  [
    'a container in back-off has not started',
    verifying([mended({ statuses: [pulling()] })]),
    waits(/coredns of pod new: ImagePullBackOff/),
  ],
  [
    'a container that ended badly has not started',
    verifying([mended({ statuses: [{ name: 'coredns', state: { terminated: { exitCode: 1, reason: 'Error' } } }] })]),
    waits(/Error/),
  ],
  [
    'a container of a pod that completed has done its part',
    verifying([
      mended({ phase: 'Succeeded', statuses: [{ name: 'coredns', state: { terminated: { exitCode: 0 } } }] }),
    ]),
    proves('Succeeded'),
  ],
  [
    'a container that ended well in a pod that goes on has not',
    verifying([
      mended({ statuses: [{ name: 'coredns', state: { terminated: { exitCode: 0, reason: 'Completed' } } }] }),
    ]),
    waits(/Completed/),
  ],
  ['a pod without status has not started', verifying([mended({ statuses: [] })]), waits(/not started/)],
  [
    'an init container that ended well has done its part',
    init({ state: { terminated: { exitCode: 0 } } }),
    proves('Succeeded'),
  ],
  [
    'an init container that ended badly has not',
    init({ state: { terminated: { exitCode: 2, reason: 'Error' } } }),
    waits(/Error/),
  ],
  [
    'an init container that keeps running counts from its start',
    init({ started: true, state: { running: { startedAt: at(-40_000) } } }),
    proves('Succeeded'),
  ],
  [
    'another container that fails is not what was repaired',
    verifying([
      mended({
        containers: [
          { name: 'coredns', image: PATCHED },
          { name: 'b', image: 'b' },
        ],
        statuses: [running(-40_000), pulling('b')],
      }),
    ]),
    proves('Succeeded'),
  ],

  ['a pod that is merely gone is not success', verifying([]), waits(/0 of 1 pods are there/)],
  ['pods of the old revision do not count', verifying([aPod({ statuses: [running(-99_000)] })]), waits(/0 of 1/)],
  ['a pod on its way out does not count', verifying([mended({ leaving: true })]), waits(/0 of 1/)],
  ['a pod that was evicted does not count', verifying([mended({ phase: 'Failed' })]), waits(/0 of 1/)],
  [
    'as many as are wanted must be there',
    verifying([mended()], { owner: { ...repaired, replicas: 2 } }),
    waits(/1 of 2 pods are there/),
  ],
  [
    'a pod that nobody scheduled does not keep the others from proving',
    verifying([mended(), mended({ name: 'b', node: null, statuses: [] })], { owner: { ...repaired, replicas: 2 } }),
    proves('Succeeded'),
  ],
  [
    'pods that nobody scheduled prove nothing by themselves',
    verifying([mended({ node: null, statuses: [] })]),
    waits(/no pod has a node/),
  ],
  [
    'the normal form of the image counts',
    verifying([mended({ containers: [{ name: 'coredns', image: 'x/y' }] })], {
      owner: anOwner({ containers: [{ name: 'coredns', image: 'docker.io/x/y' }] }),
      records: [
        aRecord({
          steps: [
            aStep({ changes: [{ container: 'coredns', init: false, from: BROKEN, to: 'docker.io/x/y:latest' }] }),
          ],
        }),
      ],
    }),
    proves('Succeeded'),
  ],
  [
    'a broken pod of the old revision that is left',
    verifying([mended(), aPod({ name: 'old' })]),
    waits(/pod old of the old revision is still broken/),
  ],
  [
    'a healthy pod of the old revision is no hindrance',
    verifying([mended(), aPod({ name: 'old', statuses: [running(-99_000)] })]),
    proves('Succeeded'),
  ],

  [
    'an owner that is gone',
    verifying(undefined, { owner: { ...repaired, gone: true } }),
    proves('Cancelled', { reason: 'OwnerGone' }),
  ],
  [
    'an owner that was scaled to zero',
    verifying([], { owner: { ...repaired, replicas: 0 } }),
    proves('Cancelled', { reason: 'ScaledToZero', message: expect.stringMatching(/was scaled to zero$/) }),
  ],
  [
    'a Job that was suspended',
    verifying([], { owner: { ...repaired, ref: { ...repaired.ref, kind: 'Job' }, replicas: 0 } }),
    proves('Cancelled', { reason: 'ScaledToZero', message: expect.stringMatching(/^Job .* was suspended or set/) }),
  ],
  [
    'somebody wrote something else',
    verifying(undefined, {
      owner: anOwner({ containers: [{ name: 'coredns', image: 'x/y:1' }], managedFields: [wrote('helm', -MIN)] }),
    }),
    proves('Cancelled', {
      reason: 'EditReverted',
      message: expect.stringMatching(
        /^helm at .* changed coredns of Deployment kube-system\/coredns from .*public.* to x\/y:1/,
      ),
    }),
  ],
  [
    'somebody wrote the old image back',
    verifying(undefined, { owner: anOwner() }),
    proves('Cancelled', { reason: 'EditReverted' }),
  ],
  [
    'somebody took the container out',
    verifying(undefined, { owner: anOwner({ containers: [] }) }),
    proves('Cancelled', { reason: 'EditReverted' }),
  ],
  [
    'a person undid it by command',
    verifying(undefined, { owner: anOwner({ managedFields: [wrote('helm', -2 * MIN), wrote('kubectl-mend', -MIN)] }) }),
    proves('Cancelled', { reason: 'EditReverted', message: expect.stringMatching(/^kubectl-mend at/) }),
  ],

  [
    'looks again soon after the write',
    verifying([], { records: [aRecord({ steps: [aStep({ actedAt: at(-1_000) })] })] }),
    waits(/0 of 1/, 2_000),
  ],
  ['looks again less often later', verifying([]), waits(/0 of 1/, 15_000)],
  [
    'looks again when the time is up at the latest',
    verifying([], { records: [aRecord({ steps: [aStep({ actedAt: at(-5 * MIN + 5_000) })] })] }),
    waits(/0 of 1/, 5_000),
  ],
  [
    'the new image may fail as long as it has time',
    verifying([mended({ statuses: [pulling()] })], {
      pods: [aFailingPod({ findings: [aFinding({ image: PATCHED, cause: 'ManifestNotFound' })] })],
      records: [aRecord({ steps: [aStep({ actedAt: at(-5 * MIN + 1) })] })],
    }),
    waits(/ImagePullBackOff/, 1),
  ],
  [
    'the time of the policy’s action counts',
    verifying([], { policies: [aPolicy({ actions: [{ ...rewriting(), timeout: '1m' }] })] }),
    proves('Ineffective'),
  ],

  [
    'did not help in its time, and nothing follows',
    verifying([], { records: late() }),
    proves('Ineffective', { reason: 'DidNotHelp', next: { kind: 'Stop' } }),
  ],
  [
    'did not help, and the next action follows',
    verifying([], { records: late(), policies: [aPolicy({ actions: [rewriting(), recycling()] })] }),
    proves('Ineffective', { next: { kind: 'Escalate' } }),
  ],
  [
    'did not help, and the policy was changed since: its actions may be others',
    verifying([], { records: late(), policies: [aPolicy({ generation: 2, actions: [rewriting(), recycling()] })] }),
    proves('Ineffective', { next: { kind: 'Stop' } }),
  ],
  [
    'did not help, and the policy that acted goes on, not the one that opened the record',
    verifying([], {
      records: [
        aRecord({
          spec: { policy: { name: 'observes', uid: 'uid-observes', generation: 1 } },
          status: { policy: { name: 'moved', uid: 'uid-moved', generation: 1 } },
          steps: [aStep({ actedAt: at(-5 * MIN) })],
        }),
      ],
      policies: [
        aPolicy({ actions: [rewriting(), recycling()] }),
        aPolicy({ name: 'observes', uid: 'uid-observes', mode: 'Observe', actions: [rewriting()] }),
      ],
    }),
    proves('Ineffective', { next: { kind: 'Escalate' } }),
  ],
  [
    'did not help, and the policy is gone',
    verifying([], { records: late(), policies: [] }),
    proves('Ineffective', { next: { kind: 'Stop' } }),
  ],
  [
    'without the time of the write, that of the intent counts',
    verifying([], { records: late({ actedAt: undefined, intendedAt: at(-5 * MIN) }) }),
    proves('Ineffective'),
  ],
  [
    'without any time, that of the record counts',
    verifying([], {
      records: [aRecord({ created: -5 * MIN, steps: [aStep({ actedAt: undefined, intendedAt: undefined })] })],
    }),
    proves('Ineffective'),
  ],
  ['success in the last moment counts', verifying([mended()], { records: late() }), proves('Succeeded')],
  [
    'what started just in time may still stay so',
    verifying([mended({ statuses: [running(-10_000)] })], { records: late() }),
    waits(/have been running for 30s$/, 20_000),
  ],
  [
    'what keeps starting does not go on for ever',
    verifying([mended({ statuses: [running(-10_000)] })], {
      records: [aRecord({ steps: [aStep({ actedAt: at(-5 * MIN - STABILIZATION_MS) })] })],
    }),
    proves('Ineffective', { message: expect.stringContaining('do not keep running') }),
  ],

  [
    'did not help, and is undone',
    verifying([], { records: late(), policies: [undoing] }),
    proves('Ineffective', {
      next: {
        kind: 'Undo',
        plan: {
          type: 'RewriteImage',
          index: 0,
          changes: [
            {
              container: 'coredns',
              pointer: '/spec/template/spec/containers/0',
              from: PATCHED,
              was: PATCHED,
              to: BROKEN,
            },
          ],
        },
      },
    }),
  ],
  [
    'a paused operator does not undo yet',
    verifying([], { records: late(), policies: [undoing], operator: { paused: known(true) } }),
    proves('Waiting', { reason: 'OperatorPaused', requeueAt: NOW + 30_000 }),
  ],
  [
    'a suspended policy does not undo yet',
    verifying([], { records: late(), policies: [aPolicy({ onIneffective: 'Undo', suspend: true })] }),
    proves('Waiting', { reason: 'PolicySuspended' }),
  ],
  [
    'what opted out since is not undone',
    verifying([], {
      owner: { ...repaired, labels: { 'podmend.io/exclude': 'true' } },
      records: late(),
      policies: [undoing],
    }),
    proves('Ineffective', { next: { kind: 'Stop' }, message: expect.stringContaining('OptedOut') }),
  ],
  [
    'a policy that only observes now does not undo',
    verifying([], { records: late(), policies: [aPolicy({ onIneffective: 'Undo', mode: 'Observe' })] }),
    proves('Ineffective', { next: { kind: 'Stop' } }),
  ],
  [
    'an undo asks whether the namespace opted out',
    verifying([], { records: late(), policies: [undoing], facts: { namespace: undefined } }),
    { kind: 'Ask', facts: [{ fact: 'namespace' }] },
  ],
  [
    'a recycled pod cannot be undone',
    verifying([], {
      records: late({ action: 'RecyclePod', changes: undefined, pods: [] }),
      policies: [aPolicy({ onIneffective: 'Undo', actions: [recycling()] })],
    }),
    proves('Ineffective', { next: { kind: 'Stop' } }),
  ],
]

test.each(rows)('%s', (_sentence, words, expected) => {
  expect(decide(aCase(words))).toMatchObject(expected)
})

const recycled = (pods: readonly Pod[]): InputOverrides => ({
  pods: [],
  records: [
    aRecord({ steps: [aStep({ action: 'RecyclePod', changes: undefined, pods: [{ name: 'old', uid: 'uid-old' }] })] }),
  ],
  policies: [aPolicy({ actions: [recycling()] })],
  facts: { pods: known(pods) },
})

test.each([
  [
    'succeeded when the recycled pod is gone and another runs',
    [aPod({ name: 'b', statuses: [running(-40_000)] })],
    proves('Succeeded'),
  ],
  [
    'the recycled pod is on its way out',
    [aPod({ name: 'old', leaving: true }), aPod({ name: 'b', statuses: [running(-40_000)] })],
    waits(/pod old still exists/),
  ],
  ['the recycled pod is gone and nothing came', [], waits(/0 of 1/)],
  ['the pod in its place fails as well', [aPod({ name: 'b' })], waits(/ImagePullBackOff/)],
  [
    'the pod in its place has not stayed',
    [aPod({ name: 'b', statuses: [running(-1_000)] })],
    waits(/have been running for 30s$/, 29_000),
  ],
  [
    'every container of the pod in its place counts',
    [aPod({ name: 'b', initContainers: [{ name: 'i' }], initStatuses: [pulling('i')], statuses: [running(-40_000)] })],
    waits(/i of pod b/),
  ],
] satisfies (readonly [string, readonly Pod[], object])[])('Recycling: %s', (_sentence, pods, expected) => {
  expect(decide(aCase(recycled(pods)))).toMatchObject(expected)
})

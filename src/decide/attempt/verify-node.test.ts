import { describe, expect, test } from 'vitest'
import type { NodeTaskStatus } from '../../api/node-task.ts'
import type { RemediationStep } from '../../api/remediation.ts'
import { known, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { decide } from '../decide.ts'
import {
  action,
  anInspection,
  aNodeCase,
  aNodeRecord,
  aTask,
  aWaitingPod,
  DOCKERS_CHAINS,
  type NodeInputOverrides,
  nodePolicy,
  nodes,
  recoveredPod,
} from '../testing-nodes.ts'
import { aPod, at, intendedBy, NOW, STABILIZATION_MS } from '../testing.ts'

const SUCCEEDED: NodeTaskStatus = { phase: 'Succeeded', reason: 'Done', finishedAt: at(-STABILIZATION_MS - 5_000) }
const SETTLED = recoveredPod({ since: -STABILIZATION_MS - 1_000 })
const STUCK = aWaitingPod().pod
const refusedBy = (reason: NonNullable<NodeTaskStatus['reason']>, message = 'm'): NodeTaskStatus => ({
  phase: 'Refused',
  reason,
  message,
  finishedAt: at(-50_000),
})

interface Verification extends NodeInputOverrides {
  readonly step?: Partial<RemediationStep>
  readonly answer?: NodeTaskStatus
  readonly deadline?: number
  readonly on?: readonly Pod[]
}

const verify = ({ step, answer, deadline, on = [SETTLED], facts, ...words }: Verification) =>
  decide(
    aNodeCase({
      records: [aNodeRecord(step)],
      pods: [],
      ...words,
      facts: { tasks: known([aTask(answer, {}, deadline)]), nodePods: known(on), ...facts },
    }),
  )

const tasks: readonly (readonly [sentence: string, verification: Verification, outcome: string, message: RegExp])[] = [
  ['an order that nobody answered yet', {}, 'Waiting', /has not answered yet/],
  ['an order that its agent is at', { answer: { phase: 'Running' } }, 'Waiting', /is executing it/],
  [
    'an order that nobody answered by its deadline',
    { deadline: -6_000 },
    'Ineffective',
    /did not answer .* by its deadline/,
  ],
  ['a moment after the deadline', { deadline: -1_000 }, 'Waiting', /has not answered yet/],
  [
    'an order that was begun and never ended',
    { deadline: -6_000, answer: { phase: 'Running' } },
    'Ineffective',
    /did not report a result by its deadline/,
  ],
  [
    'an order that was deleted',
    { facts: { tasks: known([]) } },
    'Ineffective',
    /^NodeTask .* does not exist: it was deleted/,
  ],
  ['orders that cannot be read', { facts: { tasks: unknown('403') } }, 'Waiting', /403/],
  [
    'an order that failed',
    { answer: { phase: 'Failed', reason: 'TimedOut', message: 'no' } },
    'Ineffective',
    /failed .* \(TimedOut\): no/,
  ],
  [
    'an order that was refused',
    { answer: refusedBy('VerbNotAllowed') },
    'Ineffective',
    /refused .* \(VerbNotAllowed\)/,
  ],
  ['nothing to do, and the pods recovered', { answer: refusedBy('NotNeeded') }, 'Succeeded', /recovered by itself/],
  [
    'nothing to do, and the pods still stuck',
    { answer: refusedBy('NotNeeded'), on: [STUCK] },
    'Ineffective',
    /cannot start its containers yet/,
  ],
  [
    'done, and the pods recovered and stayed so',
    { answer: SUCCEEDED },
    'Succeeded',
    /^pod ingress-a has not failed for 30s$/,
  ],
  ['done, and the pods are gone', { answer: SUCCEEDED, on: [] }, 'Succeeded', /has not failed for 30s/],
  [
    'done, the pods just recovered',
    { answer: SUCCEEDED, on: [recoveredPod({ since: -1_000 })] },
    'Waiting',
    /^waiting until pod ingress-a has not failed for 30s$/,
  ],
  [
    'done just now, the pods are gone',
    { answer: { ...SUCCEEDED, finishedAt: at(-1_000) }, on: [] },
    'Waiting',
    /^waiting until pod ingress-a has not failed for 30s$/,
  ],
  ['done, the pods still stuck', { answer: SUCCEEDED, on: [STUCK] }, 'Waiting', /cannot start its containers yet/],
  [
    'done, the pods still stuck when the time is up',
    { answer: SUCCEEDED, on: [STUCK], step: { actedAt: at(-301_000) } },
    'Ineffective',
    /cannot start its containers yet/,
  ],
  [
    'done, the node’s pods cannot be seen',
    { answer: SUCCEEDED, facts: { nodePods: unknown('403') } },
    'Waiting',
    /cannot be read: 403/,
  ],
  [
    'restarted, and the chain still missing',
    { answer: { ...SUCCEEDED, inspection: anInspection() } },
    'Ineffective',
    /its chain is still missing/,
  ],
  [
    'restarted, and the chain back',
    { answer: { ...SUCCEEDED, inspection: anInspection({ chains: { list: DOCKERS_CHAINS } }) } },
    'Succeeded',
    /has not failed for 30s/,
  ],
  [
    'the kubelet’s runtime restarted, the node not Ready yet',
    {
      answer: SUCCEEDED,
      node: { ready: false },
      step: { node: { tasks: ['restartruntime-plan-1-0'], reason: 'Unresponsive' } },
    },
    'Waiting',
    /node n1 is not Ready yet/,
  ],
  [
    'the kubelet’s runtime restarted, the node Ready, no pod was concerned',
    {
      answer: SUCCEEDED,
      on: [],
      step: { pods: [], node: { tasks: ['restartruntime-plan-1-0'], reason: 'Unresponsive' } },
    },
    'Succeeded',
    /^the node has not failed for 30s$/,
  ],
  [
    'a pod whose kubelet tells no condition, with a container that started',
    {
      answer: SUCCEEDED,
      on: [
        aPod({
          name: 'ingress-a',
          namespace: 'web',
          statuses: [{ name: 'c', restartCount: 0, state: { running: { startedAt: at(-60_000) } } }],
        }),
      ],
    },
    'Succeeded',
    /has not failed for 30s/,
  ],
]

describe('the proof of an order', () => {
  test.each(tasks)('%s', (_sentence, verification, outcome, message) => {
    expect(verify(verification)).toMatchObject({ kind: 'Verify', outcome, message: expect.stringMatching(message) })
  })

  test('what did not help leads to the policy’s next action, and stops after the last', () => {
    const answer = refusedBy('ProbeFailed')
    expect(verify({ answer })).toMatchObject({ next: { kind: 'Stop' } })
    const further = [nodePolicy({ actions: [action('RestartRuntime'), action('FlagNode')] })]
    expect(verify({ answer, policies: further })).toMatchObject({ next: { kind: 'Escalate' } })
  })

  test('of several orders one that failed does not undo the others, and is told where its pod is still stuck', () => {
    const step: Partial<RemediationStep> = {
      action: 'RecycleSandbox',
      actedAt: at(-301_000),
      pods: [
        { name: 'ingress-a', uid: 'uid-ingress-a', namespace: 'web' },
        { name: 'other', uid: 'uid-other', namespace: 'web' },
      ],
      node: { tasks: ['one', 'two'] },
    }
    const tasks = known([
      aTask(SUCCEEDED, { name: 'one' }),
      aTask(refusedBy('ProbeFailed', 'no socket'), { name: 'two' }),
    ])
    const facts = { tasks, nodePods: known([SETTLED, aWaitingPod({ name: 'other' }).pod]) }
    expect(verify({ step, facts })).toMatchObject({
      outcome: 'Ineffective',
      message: expect.stringMatching(/web\/other .* no socket/),
    })
    expect(verify({ step, facts: { tasks, nodePods: known([SETTLED]) } })).toMatchObject({ outcome: 'Succeeded' })
  })
})

describe('the proof of a flag', () => {
  const step: Partial<RemediationStep> = {
    action: 'FlagNode',
    node: { tasks: [], detail: 'nfs', message: 'install nfs-common' },
  }
  const flagging = (...types: readonly string[]) => ({
    cause: 'MountHelperMissing' as const,
    step,
    pods: [aWaitingPod({ cause: 'MountHelperMissing' })],
    policies: [nodePolicy({ actions: types.map((type) => action(type)) })],
  })

  test('as the last action it is all that could be done', () => {
    const verdict = verify(flagging('FlagNode'))
    expect(verdict).toMatchObject({
      outcome: 'Succeeded',
      reason: 'Flagged',
      message: expect.stringContaining('install nfs-common'),
    })
  })

  test('before another action it leads on at once', () => {
    expect(verify(flagging('FlagNode', 'InstallMountHelper'))).toMatchObject({
      outcome: 'Ineffective',
      next: { kind: 'Escalate' },
    })
  })
})

describe('the proof of an installation', () => {
  const installer = (phase: string, message?: string): Pod => ({
    ...aPod({ name: 'install-1', phase, statuses: [] }),
    status: {
      phase,
      containerStatuses: [{ name: 'install', state: { terminated: { exitCode: 1, ...(message && { message }) } } }],
    },
  })
  const ok = installer('Succeeded')
  const there = { mounts: { helpers: ['nfs'] } }
  const step: Partial<RemediationStep> = {
    action: 'InstallMountHelper',
    node: { tasks: ['install-1'], detail: 'nfs' },
  }
  const late = { ...step, actedAt: at(-301_000) }
  const rows: readonly (readonly [
    sentence: string,
    pod: Pod | undefined,
    words: Verification,
    outcome: string,
    message: RegExp,
  ])[] = [
    ['the pod runs', { ...ok, status: { phase: 'Running' } }, {}, 'Waiting', /is installing it/],
    ['the pod failed', installer('Failed', 'apt ended with 100'), {}, 'Ineffective', /apt ended with 100/],
    [
      'the pod never started',
      { ...ok, status: { phase: 'Pending' } },
      { step: late },
      'Ineffective',
      /is installing it: Pending/,
    ],
    ['it ended well, the agent does not see the helper yet', ok, {}, 'Waiting', /mount.nfs is missing/],
    ['it ended well, the agent never sees the helper', ok, { step: late }, 'Ineffective', /mount.nfs is missing/],
    ['it is gone, and the helper is there', undefined, { inspection: there }, 'Succeeded', /has not failed for 30s/],
    ['the helper is there, the pods recovered', ok, { inspection: there }, 'Succeeded', /has not failed for 30s/],
    [
      'the helper is there, the kubelet has not tried again',
      ok,
      { inspection: there, on: [STUCK], pods: [aWaitingPod({ cause: 'MountHelperMissing' })] },
      'Waiting',
      /mount.nfs is installed/,
    ],
    [
      'the helper is there, the pods wait for something else',
      ok,
      { inspection: there, on: [STUCK] },
      'Succeeded',
      /mount.nfs is installed/,
    ],
  ]

  test.each(rows)('%s', (_sentence, pod, words, outcome, message) => {
    const facts = { installer: known(pod) }
    const verdict = verify({ cause: 'MountHelperMissing', step, facts, ...words })
    expect(verdict).toMatchObject({ kind: 'Verify', outcome, message: expect.stringMatching(message) })
  })
})

describe('the proof of recycled pods', () => {
  const step: Partial<RemediationStep> = { action: 'RecyclePod' }
  const rows: readonly (readonly [sentence: string, words: Verification, outcome: string])[] = [
    ['one is not gone yet', { on: [STUCK] }, 'Waiting'],
    [
      'it is gone, and the one in its place fails the same way',
      { on: [], pods: [aWaitingPod({ name: 'new' })] },
      'Waiting',
    ],
    ['it is gone, and nothing fails the same way', { on: [] }, 'Succeeded'],
    [
      'it has just been deleted: what comes in its place may still fail',
      { on: [], step: { ...step, actedAt: at(-STABILIZATION_MS + 1_000) } },
      'Waiting',
    ],
  ]
  test.each(rows)('%s', (_sentence, words, outcome) => {
    expect(verify({ step, ...words })).toMatchObject({ kind: 'Verify', outcome })
  })
})

describe('a step that was begun when the process ended', () => {
  /** Decides today on an intent that was recorded for `first`. */
  const resumed = (first: NodeInputOverrides, today: NodeInputOverrides = {}) =>
    decide(aNodeCase({ ...first, facts: { tasks: known([]) }, ...today, records: [intendedBy(aNodeCase(first))] }))
  const tasksOf = (first: NodeInputOverrides) => intendedBy(aNodeCase(first)).status?.steps?.[0]?.node?.tasks ?? []
  const recycle: NodeInputOverrides = {
    cause: 'SandboxStale',
    policies: [nodePolicy({ actions: [action('RecycleSandbox')] })],
    pods: ['a', 'b', 'c'].map((name) => aWaitingPod({ cause: 'SandboxStale', name })),
  }
  const someRecovered = { ...recycle, pods: recycle.pods?.slice(0, 2) ?? [] }

  test('whose task was not created is carried out under the same name', () => {
    const [name] = tasksOf({})
    expect(resumed({})).toMatchObject({
      kind: 'Act',
      resume: true,
      plan: { type: 'RestartRuntime', tasks: [{ name, spec: { restartRuntime: { runtime: 'docker' } } }] },
    })
  })

  test('whose task was created is proven', () => {
    const tasks = known([aTask({ phase: 'Running' }, { name: tasksOf({})[0] ?? '' })])
    expect(resumed({}, { facts: { tasks } })).toMatchObject({ kind: 'Verify', outcome: 'Waiting' })
  })

  test.each<readonly [string, NodeInputOverrides, object]>([
    ['its node is cordoned since', { node: { unschedulable: true } }, { kind: 'Hold', reason: 'InFlight' }],
    [
      'another remediator has the lease of its node since',
      { node: { lease: known({ holder: 'medik8s', until: NOW + 3_600_000 }) } },
      { kind: 'Hold', reason: 'InFlight' },
    ],
    [
      'too many nodes are unhealthy since',
      {
        nodes: nodes(10, { 2: { ready: false }, 3: { ready: false }, 4: { ready: false } }),
        nodesUnderRepair: ['node-2'],
      },
      { kind: 'Hold', reason: 'TooManyUnhealthy' },
    ],
    [
      'its node opted out since',
      { node: { annotations: { 'podmend.io/exclude': 'true' } } },
      { kind: 'Hold', reason: 'OptedOut' },
    ],
    ['nothing fails any more', { pods: [] }, { outcome: 'Withdrawn' }],
    [
      'the action was removed since',
      { policies: [nodePolicy({ generation: 2, actions: [action('FlagNode')] })] },
      { outcome: 'Withdrawn' },
    ],
    ['the agent sees the chain now', { inspection: { chains: { list: DOCKERS_CHAINS } } }, { kind: 'Hold' }],
  ])('but was not written is not carried out where %s', (_, today, expected) => {
    expect(resumed({}, today)).toMatchObject(expected)
  })

  test('but was not written is not carried out where it would stop a pod that is excluded since', () => {
    const runtimeVersion = 'docker://24.0.7'
    const node = { runtimeVersion }
    const excluded = aPod({ name: 'db', namespace: 'web', annotations: { 'podmend.io/exclude': 'true' } })
    expect(resumed({ node })).toMatchObject({ kind: 'Act' })
    expect(resumed({ node }, { facts: { tasks: known([]), nodePods: known([excluded]) } })).toMatchObject({
      kind: 'Hold',
      reason: 'OptedOut',
    })
  })

  test('whose tasks were created in part is carried on with, for the pods that still fail', () => {
    const names = tasksOf(recycle)
    const tasks = known([aTask(undefined, { name: names[0] ?? '' })])
    expect(resumed(recycle, { facts: { tasks } })).toMatchObject({
      kind: 'Act',
      resume: true,
      plan: {
        pods: [{ name: 'b' }, { name: 'c' }],
        tasks: [
          { name: names[1], spec: { recycleSandbox: { podUid: 'uid-b' } } },
          { name: names[2], spec: { recycleSandbox: { podUid: 'uid-c' } } },
        ],
      },
    })
    expect(resumed(recycle, { pods: someRecovered.pods, facts: { tasks } })).toMatchObject({
      kind: 'Act',
      plan: { tasks: [{ name: names[1] }] },
    })
  })

  test('whose tasks were created in part leaves out a pod that is excluded since', () => {
    const names = tasksOf(recycle)
    const [a, , c] = recycle.pods ?? []
    const annotations = { 'podmend.io/exclude': 'true' }
    const b = aWaitingPod({ cause: 'SandboxStale', name: 'b', annotations })
    const tasks = known([aTask(undefined, { name: names[0] ?? '' })])
    expect(resumed(recycle, { pods: [a!, b, c!], facts: { tasks } })).toMatchObject({
      kind: 'Act',
      plan: { tasks: [{ name: names[2] }] },
    })
  })

  test('whose tasks were created in part keeps those where the others are not planned any more', () => {
    const names = tasksOf(recycle)
    const tasks = known([aTask(undefined, { name: names[0] ?? '' })])
    expect(resumed(recycle, { policies: [nodePolicy({ generation: 2 })], facts: { tasks } })).toMatchObject({
      kind: 'Verify',
      outcome: 'Waiting',
      message: expect.stringContaining('partly written; the rest is not'),
      kept: { pods: [{ name: 'a' }], node: { tasks: [names[0]] } },
    })
  })

  test('flags the node, or proves that it is flagged', () => {
    const first = { cause: 'MountHelperMissing', policies: [nodePolicy({ actions: [action('FlagNode')] })] } as const
    expect(resumed(first)).toMatchObject({ kind: 'Act', plan: { type: 'FlagNode', detail: 'nfs' } })
    const labels = { 'flag.podmend.io/MountHelperMissing': 'nfs' }
    const flagged = { labels, conditions: [{ type: 'MountHelperMissing', status: 'True' }] }
    expect(resumed(first, { node: flagged })).toMatchObject({ outcome: 'Succeeded', reason: 'Flagged' })
  })

  test('creates the pod that installs once', () => {
    const first = {
      cause: 'MountHelperMissing',
      policies: [nodePolicy({ actions: [action('InstallMountHelper')] })],
    } as const
    const [podName] = tasksOf(first)
    const absent = resumed(first, { facts: { installer: known(undefined) } })
    expect(absent).toMatchObject({ kind: 'Act', plan: { podName, packageName: 'nfs-common' } })
    const running = known({ ...aPod({ name: podName ?? '' }), status: { phase: 'Running' } })
    expect(resumed(first, { facts: { installer: running } })).toMatchObject({ outcome: 'Waiting' })
  })
})

test('a node that is gone ends its record', () => {
  const c = aNodeCase({ records: [aNodeRecord()] })
  const gone = { ...c, incident: { ...c.incident, owner: { ...c.incident.owner, gone: true } } }
  expect(decide(gone)).toMatchObject({ outcome: 'Cancelled', reason: 'OwnerGone', requeueAt: NOW })
})

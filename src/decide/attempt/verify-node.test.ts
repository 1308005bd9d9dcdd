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
  recoveredPod,
} from '../testing-nodes.ts'
import { aPod, at, NOW, STABILIZATION_MS } from '../testing.ts'

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
  ['an order that was deleted', { facts: { tasks: known([]) } }, 'Ineffective', /^NodeTask .* was deleted$/],
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
  const begun = (step: Partial<RemediationStep> = {}) => [
    aNodeRecord({ state: 'Intended', ...step }, { phase: 'Running' }),
  ]

  test('whose order was not given is carried out under the same name', () => {
    const verdict = decide(aNodeCase({ records: begun(), facts: { tasks: known([]) } }))
    expect(verdict).toMatchObject({
      kind: 'Act',
      resume: true,
      plan: {
        type: 'RestartRuntime',
        hash: 'plan-1',
        tasks: [{ name: 'restartruntime-plan-1-0', spec: { restartRuntime: { runtime: 'docker' } } }],
      },
    })
  })

  test('whose order was given is proven', () => {
    const verdict = decide(aNodeCase({ records: begun(), facts: { tasks: known([aTask({ phase: 'Running' })]) } }))
    expect(verdict).toMatchObject({ kind: 'Verify', outcome: 'Waiting' })
  })

  test('whose orders were given in part is carried on with', () => {
    const pods = ['a', 'b'].map((name) => ({ name, uid: `uid-${name}`, namespace: 'web' }))
    const records = begun({
      action: 'RecycleSandbox',
      pods,
      node: { tasks: ['recyclesandbox-plan-1-0', 'recyclesandbox-plan-1-1'] },
    })
    const tasks = known([aTask(undefined, { name: 'recyclesandbox-plan-1-0' })])
    expect(decide(aNodeCase({ records, facts: { tasks } }))).toMatchObject({
      kind: 'Act',
      plan: { tasks: [{}, { name: 'recyclesandbox-plan-1-1' }] },
    })
  })

  test('is left where its node opted out meanwhile, and ends where nothing fails any more', () => {
    const facts = { tasks: known([]) }
    const node = { annotations: { 'podmend.io/exclude': 'true' } }
    expect(decide(aNodeCase({ records: begun(), facts, node }))).toMatchObject({ kind: 'Hold', reason: 'OptedOut' })
    expect(decide(aNodeCase({ records: begun(), facts, pods: [] }))).toMatchObject({
      outcome: 'Cancelled',
      reason: 'Recovered',
    })
  })

  test('flags the node, or proves that it is flagged', () => {
    const words = {
      cause: 'MountHelperMissing',
      policies: [nodePolicy({ actions: [action('FlagNode')] })],
      records: begun({ action: 'FlagNode', node: { tasks: [], detail: 'nfs', message: 'm' } }),
    } as const
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Act', plan: { type: 'FlagNode', detail: 'nfs' } })
    const labels = { 'flag.podmend.io/MountHelperMissing': 'nfs' }
    const flagged = { labels, conditions: [{ type: 'MountHelperMissing', status: 'True' }] }
    expect(decide(aNodeCase({ ...words, node: flagged }))).toMatchObject({ outcome: 'Succeeded', reason: 'Flagged' })
  })

  test('creates the pod that installs once', () => {
    const words = {
      cause: 'MountHelperMissing',
      policies: [nodePolicy({ actions: [action('InstallMountHelper')] })],
      records: begun({ action: 'InstallMountHelper', node: { tasks: ['install-1'], detail: 'nfs' } }),
    } as const
    const absent = decide(aNodeCase({ ...words, facts: { installer: known(undefined) } }))
    expect(absent).toMatchObject({ kind: 'Act', plan: { podName: 'install-1', packageName: 'nfs-common' } })
    const running = known({ ...aPod({ name: 'install-1' }), status: { phase: 'Running' } })
    expect(decide(aNodeCase({ ...words, facts: { installer: running } }))).toMatchObject({ outcome: 'Waiting' })
  })
})

test('a node that is gone ends its record', () => {
  const c = aNodeCase({ records: [aNodeRecord()] })
  const gone = { ...c, incident: { ...c.incident, owner: { ...c.incident.owner, gone: true } } }
  expect(decide(gone)).toMatchObject({ outcome: 'Cancelled', reason: 'OwnerGone', requeueAt: NOW })
})

import { describe, expect, test } from 'vitest'
import { known, unknown } from '../model/incident.ts'
import type { RestartRuntimePlan } from '../remedies/restart-runtime/plan.ts'
import { decide } from './decide.ts'
import {
  action,
  aNodeCase,
  aNodeRecord,
  aRecycling,
  aWaitingPod,
  DOCKERS_CHAINS,
  NODE,
  type NodeInputOverrides,
  nodePolicy,
  nodes,
  theNodeItself,
} from './testing-nodes.ts'
import { aNamespace, aPod, at } from './testing.ts'

const EXCLUDED = { 'podmend.io/exclude': 'true' }
const policies = (...types: readonly string[]) => [nodePolicy({ actions: types.map((type) => action(type)) })]
const unit = (name: string, active = 'active') => ({ name, load: 'loaded', active, enabled: 'enabled' })

describe('what is done', () => {
  const rows: readonly (readonly [sentence: string, words: NodeInputOverrides, plan: object])[] = [
    ['docker is restarted for its chain', {}, { type: 'RestartRuntime', runtime: 'docker', reason: 'ChainMissing' }],
    [
      'the kubelet’s runtime is restarted when it does not answer, on the word of the node alone',
      { cause: 'RuntimeUnresponsive', pods: [theNodeItself()], node: { ready: false } },
      { type: 'RestartRuntime', runtime: 'containerd', reason: 'Unresponsive', pods: [] },
    ],
    [
      'CRI-O is known by both of its names',
      { cause: 'RuntimeUnresponsive', pods: [theNodeItself()], node: { runtimeVersion: 'cri-o://1.30.1' } },
      { runtime: 'crio' },
    ],
    [
      'sandboxes of the failing pods are recycled, one order a pod',
      {
        cause: 'SandboxStale',
        policies: policies('RecycleSandbox', 'RestartRuntime'),
        pods: [aWaitingPod({ cause: 'SandboxStale', name: 'b' }), aWaitingPod({ cause: 'SandboxStale', name: 'a' })],
      },
      {
        type: 'RecycleSandbox',
        pods: [{ name: 'a' }, { name: 'b' }],
        tasks: [
          { spec: { verb: 'RecycleSandbox', recycleSandbox: { podUid: 'uid-a' } } },
          { spec: { verb: 'RecycleSandbox', recycleSandbox: { podUid: 'uid-b' } } },
        ],
      },
    ],
    [
      'sandboxes that were recycled in vain lead to a restart of the kubelet’s runtime',
      {
        cause: 'SandboxStale',
        policies: policies('RecycleSandbox', 'RestartRuntime'),
        records: [aNodeRecord({ action: 'RecycleSandbox', state: 'Ineffective' }, { phase: 'Held' })],
        facts: { agentTasks: known([aRecycling('uid-ingress-a')]) },
      },
      {
        type: 'RestartRuntime',
        index: 1,
        reason: 'SandboxesStuck',
        tasks: [{ spec: { restartRuntime: { podUids: ['uid-ingress-a'] } } }],
      },
    ],
    [
      'a node is flagged for dead sandboxes after its agent tried in vain',
      {
        cause: 'SandboxStale',
        policies: policies('RecycleSandbox', 'FlagNode'),
        records: [aNodeRecord({ action: 'RecycleSandbox', state: 'Ineffective' }, { phase: 'Held' })],
        facts: { agentTasks: known([aRecycling('uid-ingress-a')]) },
      },
      { type: 'FlagNode', index: 1, detail: 'true' },
    ],
    [
      'a node without the helper is flagged with the package that its distribution has',
      { cause: 'MountHelperMissing', policies: policies('FlagNode') },
      {
        type: 'FlagNode',
        detail: 'nfs',
        reason: 'NFSHelperMissing',
        taint: false,
        message: expect.stringContaining('install nfs-common (Debian 12): apt-get install -y nfs-common'),
      },
    ],
    [
      'a flag on an immutable host says that nothing can be installed there',
      {
        cause: 'MountHelperMissing',
        policies: policies('InstallMountHelper', 'FlagNode'),
        inspection: { os: { id: 'talos', name: 'Talos' } },
      },
      { type: 'FlagNode', index: 1, message: expect.stringContaining('Talos is immutable: nothing can be installed') },
    ],
    [
      'the helper is installed where the policy says so',
      { cause: 'MountHelperMissing', policies: policies('InstallMountHelper') },
      { type: 'InstallMountHelper', fsType: 'nfs', packageName: 'nfs-common' },
    ],
    [
      'only pods that a controller makes anew are recycled',
      {
        policies: policies('RecyclePod'),
        pods: [
          aWaitingPod({ name: 'of-a-daemonset' }),
          aWaitingPod({ name: 'of-a-job', ownedBy: 'Job' }),
          aWaitingPod({ name: 'bare', ownedBy: '' }),
        ],
      },
      {
        type: 'RecyclePod',
        pods: [{ name: 'of-a-daemonset' }],
        diff: expect.stringContaining('left out @@\n  pod/web/bare: nothing would recreate it\n  pod/web/of-a-job'),
      },
    ],
    [
      'an image has nothing to do with it: the next action has its turn',
      {
        policies: [nodePolicy({ actions: [action('RecyclePod'), action('RestartRuntime')] })],
        pods: [aWaitingPod({ ownedBy: 'Job' })],
      },
      { type: 'RestartRuntime', index: 1 },
    ],
    [
      'a pod in a protected namespace does not count, the others do',
      {
        policies: policies('RecycleSandbox'),
        pods: [aWaitingPod({ name: 'dns', namespace: 'kube-system' }), aWaitingPod({ name: 'shop' })],
      },
      { pods: [{ name: 'shop' }] },
    ],
    [
      'a pod that opted out does not count, the others do',
      { policies: policies('RecycleSandbox'), pods: [aWaitingPod({ name: 'out', labels: EXCLUDED }), aWaitingPod()] },
      { pods: [{ name: 'ingress-a' }] },
    ],
    [
      'a protected namespace that the policy names counts',
      {
        policies: [nodePolicy({ match: { namespaces: ['kube-system'] } })],
        pods: [aWaitingPod({ namespace: 'kube-system' })],
      },
      { type: 'RestartRuntime' },
    ],
    [
      'a chain that is gone again within the hour leads to a flag that says what may wipe it, and to no restart',
      {
        policies: policies('RestartRuntime', 'FlagNode'),
        records: [aNodeRecord({ state: 'Succeeded', finishedAt: at(-600_000) }, { phase: 'Succeeded' })],
        inspection: { units: { list: [unit('docker.service'), unit('firewalld.service')] } },
      },
      {
        type: 'FlagNode',
        message: expect.stringContaining('firewalld.service is active on the node and may remove it'),
      },
    ],
    [
      'a chain that is gone again after more than an hour is put back again',
      { records: [aNodeRecord({ state: 'Succeeded', finishedAt: at(-3_700_000) }, { phase: 'Succeeded' })] },
      { type: 'RestartRuntime' },
    ],
    [
      'a control-plane node is repaired where the policy says so',
      { policies: [nodePolicy({ controlPlaneNodes: 'Act' })], node: { controlPlane: true } },
      { type: 'RestartRuntime' },
    ],
    [
      'a cordoned node may still be flagged',
      { cause: 'MountHelperMissing', policies: policies('FlagNode'), node: { unschedulable: true, ready: false } },
      { type: 'FlagNode' },
    ],
    [
      'of two failing nodes the first is repaired, although both are too many',
      { nodes: nodes(3, { 1: { ready: false }, 2: { ready: false } }), node: { ready: false } },
      { type: 'RestartRuntime' },
    ],
    [
      'as many nodes at once as the policy lets be unhealthy',
      {
        policies: [nodePolicy({ limits: { maxUnhealthyNodes: '2', maxConcurrent: 2 } })],
        nodesUnderRepair: ['node-2'],
      },
      { type: 'RestartRuntime' },
    ],
    [
      'a flag counts nowhere, however many nodes lack it',
      {
        cause: 'MountHelperMissing',
        policies: policies('FlagNode'),
        nodes: nodes(3, { 2: { ready: false }, 3: { ready: false } }),
        nodesUnderRepair: ['node-2'],
      },
      { type: 'FlagNode' },
    ],
  ]

  test.each(rows)('%s', (_sentence, words, plan) => {
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Act', plan })
  })
})

describe('what holds', () => {
  const docker = { runtimeVersion: 'docker://24.0' }
  const rows: readonly (readonly [sentence: string, words: NodeInputOverrides, reason: string, message: RegExp])[] = [
    [
      'nothing but Events, and no agent to ask',
      {
        pods: [aWaitingPod({ finding: { source: 'event' } })],
        policies: policies('RecycleSandbox'),
        facts: { inspection: unknown('the agent is not installed') },
      },
      'FactUnknown',
      /^only Events report .* the agent is not installed/,
    ],
    [
      'what the agent refutes',
      {
        pods: [aWaitingPod({ finding: { source: 'event', ruledOut: 'chain DOCKER exists now' } })],
        policies: policies('RecycleSandbox'),
      },
      'FactUnknown',
      /no action on the node: chain DOCKER exists now/,
    ],
    [
      'a restart for a chain that cannot be seen',
      { inspection: { chains: { known: false, why: 'chains are switched off' } } },
      'FactUnknown',
      /chains are switched off/,
    ],
    ['a chain that is there', { inspection: { chains: { list: DOCKERS_CHAINS } } }, 'FactUnknown', /sees chain DOCKER/],
    [
      'a chain that Docker does not make',
      { pods: [aWaitingPod({ finding: { detail: 'CNI-HOSTPORT-DNAT' } })] },
      'RolloutBlocked',
      /Docker does not create chain CNI-HOSTPORT-DNAT/,
    ],
    [
      'Docker’s chain on a node without Docker',
      { inspection: { docker: { installed: false }, units: { list: [] } } },
      'RolloutBlocked',
      /docker.service is not on the node/,
    ],
    [
      'a chain that is gone again within the hour',
      { records: [aNodeRecord({ state: 'Succeeded', finishedAt: at(-600_000) }, { phase: 'Succeeded' })] },
      'AttemptsSpent',
      /restored 10m ago and is missing again/,
    ],
    [
      'pods that all are in a protected namespace',
      { pods: [aWaitingPod({ namespace: 'kube-system' })] },
      'NamespaceProtected',
      /kube-system/,
    ],
    ['pods that all opted out', { pods: [aWaitingPod({ annotations: EXCLUDED })] }, 'OptedOut', /Pod web\/ingress-a/],
    [
      'pods of a namespace that opted out',
      { facts: { namespaces: { web: known(aNamespace({ name: 'web', labels: EXCLUDED })) } } },
      'OptedOut',
      /namespace web/,
    ],
    [
      'pods of a namespace that cannot be read',
      { facts: { namespaces: { web: unknown('forbidden') } } },
      'FactUnknown',
      /forbidden/,
    ],
    ['a node that opted out', { node: { annotations: EXCLUDED } }, 'OptedOut', /node n1/],
    ['a control-plane node', { node: { controlPlane: true } }, 'ControlPlaneNode', /n1 runs the control plane/],
    ['a cordoned node', { node: { unschedulable: true } }, 'InFlight', /n1 is cordoned/],
    [
      'anything but a restart, on a node that is not Ready',
      { policies: policies('RecycleSandbox'), node: { ready: false } },
      'RolloutBlocked',
      /n1 is not Ready/,
    ],
    [
      'a second node while the first is under repair',
      { nodesUnderRepair: ['node-2'] },
      'TooManyUnhealthy',
      /another node is being repaired/,
    ],
    [
      'the second of two failing nodes until the first is back',
      { nodes: nodes(3, { 1: { ready: false }, 2: { ready: false } }), nodesUnderRepair: ['node-2'] },
      'TooManyUnhealthy',
      /2 of 3 nodes/,
    ],
    [
      'a taint where so many nodes are out of service already',
      {
        cause: 'MountHelperMissing',
        policies: [nodePolicy({ actions: [action('FlagNode', { flagNode: { taint: 'NoSchedule' } })] })],
        nodes: nodes(3, { 2: { labels: { 'flag.podmend.io/MountHelperMissing': 'nfs' } } }),
      },
      'TooManyUnhealthy',
      /a taint would take one more out of service/,
    ],
    [
      'a restart of docker that would stop a pod which opted out',
      {
        node: docker,
        facts: { nodePods: known([aPod({ name: 'shop', namespace: 'web', labels: EXCLUDED })]) },
      },
      'OptedOut',
      /a restart of docker would stop Pod web\/shop, which is excluded/,
    ],
    [
      'a restart of docker that would stop a pod whose owner or namespace opted out',
      {
        node: docker,
        facts: {
          nodePods: known([aPod({ name: 'shop', namespace: 'web' })]),
          optOuts: known([{ uid: 'uid-shop', by: 'Deployment shop' }]),
        },
      },
      'OptedOut',
      /a restart of docker would stop Pod web\/shop, whose Deployment shop is excluded/,
    ],
    [
      'a restart of docker while it is unknown who opted out',
      { node: docker, facts: { nodePods: known([aPod({ name: 'shop' })]), optOuts: unknown('forbidden') } },
      'FactUnknown',
      /whether a pod that it would stop opted out is unknown: forbidden/,
    ],
    [
      'a restart of docker as the kubelet’s runtime while its pods cannot be seen',
      { node: docker, facts: { nodePods: unknown('forbidden') } },
      'FactUnknown',
      /which pods it would stop is unknown: forbidden/,
    ],
    [
      'an installation on an immutable host',
      {
        cause: 'MountHelperMissing',
        policies: policies('InstallMountHelper'),
        inspection: { os: { id: 'flatcar', name: 'Flatcar' } },
      },
      'RolloutBlocked',
      /Flatcar is immutable/,
    ],
    [
      'an installation of what no package is known for',
      {
        cause: 'MountHelperMissing',
        policies: policies('InstallMountHelper'),
        pods: [aWaitingPod({ cause: 'MountHelperMissing', finding: { detail: 'fuse.sshfs' } })],
      },
      'RolloutBlocked',
      /no package is known for file system type fuse.sshfs/,
    ],
    [
      'pods that nothing makes anew',
      { policies: policies('RecyclePod'), pods: [aWaitingPod({ ownedBy: 'Job' })] },
      'RolloutBlocked',
      /nothing would recreate pod web\/ingress-a/,
    ],
    [
      'a remedy for another cause of the same node',
      { otherAreas: [aNodeRecord({}, { name: 'n1-runtimeunresponsive-1' })] },
      'InFlight',
      /n1-runtimeunresponsive-1 is in progress/,
    ],
  ]

  test.each(rows)('%s', (_sentence, words, reason, message) => {
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Hold', reason, message: expect.stringMatching(message) })
  })

  test('any repair while nobody knows of the other nodes', () => {
    const blind = { ...aNodeCase(), nodes: unknown('the right to watch nodes is missing') }
    expect(decide(blind)).toMatchObject({ kind: 'Hold', reason: 'TooManyUnhealthy' })
    const { nodes: _, ...without } = aNodeCase()
    expect(decide(without)).toMatchObject({ kind: 'Hold', reason: 'TooManyUnhealthy' })
  })
})

describe('what a policy answers to', () => {
  const rows: readonly (readonly [sentence: string, words: NodeInputOverrides])[] = [
    ['pods in other namespaces', { policies: [nodePolicy({ match: { namespaces: ['shop'] } })] }],
    [
      'pods in namespaces that its selector leaves out',
      { policies: [nodePolicy({ match: { namespaceSelector: { matchLabels: { team: 'a' } } } })] },
    ],
    [
      'pods that its selector leaves out',
      { policies: [nodePolicy({ match: { podSelector: { matchLabels: { app: 'x' } } } })] },
    ],
    [
      'nodes that its selector leaves out',
      { policies: [nodePolicy({ match: { nodeSelector: { matchLabels: { pool: 'b' } } } })] },
    ],
    ['images, for none is concerned', { policies: [nodePolicy({ match: { images: ['registry/*'] } })] }],
    [
      'pods, where the node itself is all that fails',
      {
        cause: 'RuntimeUnresponsive',
        pods: [theNodeItself()],
        policies: [nodePolicy({ match: { namespaces: ['web'] } })],
      },
    ],
  ]

  test.each(rows)('not to %s', (_sentence, words) => {
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Ignore', why: 'no policy matches' })
  })

  test('a policy that a protected namespace keeps out gives way to one of lower rank that names it', () => {
    const named = nodePolicy({ name: 'z-named', match: { namespaces: ['kube-system'] } })
    const words = { policies: [nodePolicy(), named], pods: [aWaitingPod({ namespace: 'kube-system' })] }
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Act', policy: { name: 'z-named' } })
  })
})

describe('a node that is flagged', () => {
  const flagged = (detail = 'nfs') => ({
    labels: { 'flag.podmend.io/MountHelperMissing': detail },
    conditions: [{ type: 'MountHelperMissing', status: 'True' }],
  })
  const ended = (index: number) =>
    aNodeRecord({ action: 'FlagNode', index, state: 'Succeeded', finishedAt: at(-60_000) }, { phase: 'Succeeded' })

  test('is left as it is: nothing is written at each look', () => {
    const words = { cause: 'MountHelperMissing', policies: policies('FlagNode'), node: flagged() } as const
    expect(decide(aNodeCase(words)).kind).toBe('Ignore')
    expect(decide(aNodeCase({ ...words, records: [ended(0)] })).kind).toBe('Ignore')
  })

  test('is not installed on again either, where the flag was the last step of its policy', () => {
    const words = {
      cause: 'MountHelperMissing',
      policies: policies('InstallMountHelper', 'FlagNode'),
      node: flagged(),
    } as const
    expect(decide(aNodeCase({ ...words, records: [ended(1)] })).kind).toBe('Ignore')
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Act', plan: { type: 'InstallMountHelper' } })
  })

  describe('by a policy that wants a taint as well', () => {
    const key = 'flag.podmend.io/MountHelperMissing'
    const taint = { key, value: 'nfs', effect: 'NoSchedule' }
    const tainting = [nodePolicy({ actions: [action('FlagNode', { flagNode: { taint: 'NoSchedule' } })] })]
    const words = { cause: 'MountHelperMissing', policies: tainting } as const

    test('gets the taint where the flag that stands is another policy’s, without one', () => {
      const verdict = decide(aNodeCase({ ...words, node: flagged() }))
      expect(verdict).toMatchObject({ kind: 'Act', plan: { type: 'FlagNode', taint: true } })
    })

    test('is left as it is once it is there, and where no policy wants it any more', () => {
      const node = { ...flagged(), taints: [taint] }
      expect(decide(aNodeCase({ ...words, node })).kind).toBe('Ignore')
      expect(decide(aNodeCase({ ...words, policies: policies('FlagNode'), node })).kind).toBe('Ignore')
    })

    test('is not tainted again after a person took the taint away', () => {
      expect(decide(aNodeCase({ ...words, node: flagged(), records: [ended(0)] })).kind).toBe('Ignore')
    })
  })

  test('with something else is flagged anew', () => {
    const words = { cause: 'MountHelperMissing', policies: policies('FlagNode'), node: flagged('cifs') } as const
    expect(decide(aNodeCase(words))).toMatchObject({ kind: 'Act', plan: { type: 'FlagNode', detail: 'nfs' } })
  })
})

describe('what a restart touches', () => {
  const pods = known([aPod({ name: 'a' }), aPod({ name: 'b' }), aPod({ name: 'done', phase: 'Succeeded' })])
  const rows: readonly (readonly [NodeInputOverrides, string])[] = [
    [
      {},
      'docker runs no pods here (the kubelet uses containerd); containers outside Kubernetes stop: live-restore is off',
    ],
    [
      { inspection: { docker: { liveRestore: true } } },
      'docker runs no pods here (the kubelet uses containerd); containers outside Kubernetes keep running: live-restore is on',
    ],
    [{ cause: 'RuntimeUnresponsive' }, 'its pods keep running: containerd does not stop them'],
    [
      { node: { runtimeVersion: 'docker://24' }, inspection: { docker: { liveRestore: true } } },
      'its pods keep running: live-restore is on',
    ],
    [{ node: { runtimeVersion: 'docker://24' } }, 'stops the containers of its pods: live-restore is off'],
    [
      { node: { runtimeVersion: 'docker://24' }, inspection: { docker: { known: false } } },
      'may stop the containers of its pods: whether live-restore is on is unknown',
    ],
  ]

  test.each(rows)('%j', (words, touches) => {
    const verdict = decide(aNodeCase({ ...words, facts: { nodePods: pods } }))
    expect(verdict).toMatchObject({ kind: 'Act', plan: { touches, diff: expect.stringContaining(touches) } })
  })
})

test('orders are named by the plan’s hash, which does not change with the pods that a restart is for', () => {
  const one = decide(aNodeCase())
  const two = decide(aNodeCase({ pods: [aWaitingPod(), aWaitingPod({ name: 'another' })] }))
  if (one.kind !== 'Act' || two.kind !== 'Act' || one.plan.type !== 'RestartRuntime') throw new Error('not planned')
  expect(one.plan.hash).toBe(two.plan.hash)
  const { tasks } = one.plan as RestartRuntimePlan
  expect(tasks.map(({ name }) => name)).toEqual([`restartruntime-${one.plan.hash.slice(0, 12)}-0`])
  expect(one.plan.target).toEqual(NODE)
})

import { expect, test } from 'vitest'
import type { NodeTask } from '../../src/api/kinds.ts'
import type { Pod } from '../../src/model/kubernetes.ts'
import { readWrites } from '../../testbed/audit.ts'
import { eventually } from '../../testbed/fixture.ts'
import { type Answers, seeing, wellNode, wipedNode } from '../agent/fake-agent.ts'
import { runMend } from '../cli/run-mend.ts'
import { OPERATOR, useNodeFixture } from './fixture.ts'
import { chainGone, FAST_PATIENCE, NETNS_GONE, noHelper, PORT_TAKEN } from './messages.ts'

const fixture = useNodeFixture()

const RESTART = { actions: [{ type: 'RestartRuntime', timeout: '1m' }] }
const DOWN = 'container runtime is down'

/** A policy for the nodes with this label alone, so that tests do not meet. */
const policyFor = (
  label: string,
  causes: readonly string[],
  spec: object = RESTART,
  failingFor = '0s',
): Promise<void> =>
  fixture.policy(label, {
    match: { causes, failingFor, nodeSelector: { matchLabels: { test: label } } },
    limits: { maxUnhealthyNodes: '100%' },
    ...spec,
  })

const tasksFor = (node: string, verb: string): readonly NodeTask[] =>
  fixture.agents.tasks.filter(({ spec }) => spec.nodeName === node && spec.verb === verb)

/** So many pods that never start, each with a kubelet's word. */
const failing = async (node: string, reason: string, message: string, count = 1): Promise<readonly Pod[]> => {
  const namespaces = [await fixture.cluster.namespace(), await fixture.cluster.namespace()]
  const pods: Pod[] = []
  for (let i = 0; i < count; i += 1) {
    const pod = await fixture.stuck({ namespace: namespaces[i % 2] ?? '', node })
    await fixture.says(pod, reason, message)
    pods.push(pod)
  }
  return pods
}

const told = (evidence: readonly { readonly message: string }[] = []): string =>
  evidence.map(({ message }) => message).join('\n')

test.concurrent('twenty pods of two namespaces that miss a chain are one record, and one restart of one node', async () => {
  const node = await fixture.node({ test: 'chain' })
  let inspection = wipedNode()
  const restarts: string[] = []
  const pods: Pod[] = []
  fixture.agents.nodes.set(node, (task) => {
    if (task.spec.verb === 'RestartRuntime' && !restarts.includes(task.metadata.name)) {
      restarts.push(task.metadata.name)
      inspection = wellNode()
      void Promise.all(pods.map((pod) => fixture.runs(pod)))
    }
    return seeing(() => inspection)(task)
  })
  pods.push(...(await failing(node, 'FailedCreatePodSandBox', chainGone(), 20)))
  await policyFor('chain', ['IptablesChainMissing'])

  const { metadata, spec, status } = await fixture.record(node, { phase: 'Succeeded' })
  expect(metadata.namespace).toBe(OPERATOR)
  expect(metadata.ownerReferences).toBeUndefined()
  expect(spec).toMatchObject({
    cause: 'IptablesChainMissing',
    node,
    templateHash: 'node',
    target: { kind: 'Node', name: node },
  })
  expect(restarts).toHaveLength(1)
  expect(told(status?.evidence ?? spec.evidence)).toContain('chain DOCKER is missing from tables filter and nat')
  expect(tasksFor(node, 'RestartRuntime').map(({ spec: order }) => order.restartRuntime)).toEqual([
    expect.objectContaining({ runtime: 'docker', reason: 'ChainMissing' }),
  ])
})

/** Held, with these words among the evidence, and nothing but looks was ordered. */
const expectExplained = async (node: string, says: string): Promise<void> => {
  const { spec, status } = await fixture.record(node, { phase: 'Held' })
  expect(['FactUnknown', 'RolloutBlocked']).toContain(status?.reason)
  expect(`${status?.message}\n${told([...(spec.evidence ?? []), ...(status?.evidence ?? [])])}`).toContain(says)
  expect(fixture.agents.tasks.filter(({ spec }) => spec.nodeName === node && spec.verb !== 'Inspect')).toEqual([])
}

const LOOK_ALIKES: readonly (readonly [
  what: string,
  Answers | undefined,
  reason: string,
  message: string,
  says: string,
])[] = [
  ['a chain that is there', seeing(wellNode), 'FailedCreatePodSandBox', chainGone(), 'chain DOCKER exists now'],
  [
    'a chain of a CNI plugin',
    seeing(wipedNode),
    'FailedCreatePodSandBox',
    chainGone('CNI-HOSTPORT-DNAT'),
    "chain CNI-HOSTPORT-DNAT is not Docker's",
  ],
  [
    'a runtime that answers',
    seeing(wellNode),
    'FailedCreatePodSandBox',
    'Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    'the runtime answers now',
  ],
  ['a node without an agent', undefined, 'FailedCreatePodSandBox', chainGone(), 'did not answer within 10 s'],
  [
    'an agent that may not inspect',
    seeing(() => wellNode({ chains: { known: false, why: 'chains are switched off' } })),
    'FailedCreatePodSandBox',
    chainGone(),
    "the node's firewall cannot be inspected: chains are switched off",
  ],
]

test.concurrent.each(LOOK_ALIKES)('%s: explained, nothing is done', async (what, answers, reason, message, says) => {
  const label = what.toLowerCase().replaceAll(' ', '-')
  const node = await fixture.node({ test: label })
  if (answers) fixture.agents.nodes.set(node, answers)
  await policyFor(label, ['IptablesChainMissing', 'RuntimeUnresponsive', 'MountHelperMissing'])
  await failing(node, reason, message)
  await expectExplained(node, says)
})

test.concurrent('a host port that is taken is nobody’s node’s fault', async () => {
  const node = await fixture.node({ test: 'port' })
  fixture.agents.nodes.set(node, seeing(wipedNode))
  await policyFor('port', ['IptablesChainMissing'])
  const [pod] = await failing(node, 'FailedCreatePodSandBox', PORT_TAKEN)
  // What comes after it was looked at, it was looked at as well.
  const after = await fixture.node({ test: 'port' })
  await failing(after, 'FailedCreatePodSandBox', chainGone())
  await fixture.record(after)
  expect(await fixture.recordsOf(node)).toEqual([])
  expect(pod && tasksFor(node, 'Inspect')).toEqual([])
})

test.concurrent('a node whose kubelet says that its runtime is down is one record without any pod', async () => {
  const node = await fixture.node({ test: 'down' })
  let answers = false
  fixture.agents.nodes.set(node, (task) => {
    if (task.spec.verb === 'RestartRuntime' && !answers) {
      answers = true
      void fixture.readiness(node, 'True', 'kubelet is posting ready status')
    }
    return seeing(() => wellNode({ runtime: { known: true, name: 'containerd', answers } }))(task)
  })
  await policyFor('down', ['RuntimeUnresponsive'])
  await fixture.readiness(node, 'False', DOWN)
  const { spec } = await fixture.record(node, { phase: 'Succeeded' })
  expect(spec).toMatchObject({ cause: 'RuntimeUnresponsive', message: DOWN, node })
  expect(spec.pod).toBeUndefined()
  expect(tasksFor(node, 'RestartRuntime')).toHaveLength(1)
})

test.concurrent('a silent kubelet is told of, and not acted on while the agent does not say that the runtime is down', async () => {
  const node = await fixture.node({ test: 'silent' })
  await policyFor('silent', ['RuntimeUnresponsive'])
  await fixture.readiness(node, 'Unknown', 'Kubelet stopped posting node status.')
  await expectExplained(node, 'did not answer within 10 s')
  await fixture.readiness(node, 'True', 'kubelet is posting ready status')
  await fixture.record(node, { phase: 'Cancelled' })
})

const FLAG = { actions: [{ type: 'FlagNode', timeout: '1m' }] }

interface Flagged {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> }
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] }
}

test.concurrent('a missing mount helper is flagged on the node, and cleared when the agent sees it', async () => {
  const node = await fixture.node({ test: 'helper' })
  let helpers: readonly string[] = []
  fixture.agents.nodes.set(
    node,
    seeing(() => wellNode({ mounts: { known: true, helpers: [...helpers] } })),
  )
  await policyFor('helper', ['MountHelperMissing'], FLAG)
  const pods = await failing(node, 'FailedMount', noHelper(), 3)
  await fixture.record(node, { phase: 'Succeeded', reason: 'Flagged' })
  const read = () => fixture.cluster.get<Flagged>('node', node)
  const stands = ({ status }: Flagged) => status.conditions.find(({ type }) => type === 'MountHelperMissing')?.status
  const flagged = await read()
  expect(flagged.metadata.labels['flag.podmend.io/MountHelperMissing']).toBe('nfs')
  expect(stands(flagged)).toBe('True')
  expect(await fixture.controller.metrics()).toContain('podmend_nodes_flagged{cause="MountHelperMissing"} 1')

  helpers = ['nfs']
  for (const pod of pods) await fixture.runs(pod)
  const cleared = await eventually(async () => {
    const now = await read()
    if (stands(now) !== 'False') throw new Error('it is still flagged')
    return now
  }, FAST_PATIENCE)
  await eventually(async () => {
    if ((await read()).metadata.labels['flag.podmend.io/MountHelperMissing']) throw new Error('its label stays')
  })
  expect(stands(cleared)).toBe('False')
  const told = await eventually(async () => {
    const events = await fixture.cluster.kubectl([
      'get',
      'events',
      '-n',
      'default',
      '--field-selector',
      `involvedObject.name=${node}`,
    ])
    if (!events.includes('FlagCleared')) throw new Error(`no Event tells of it:\n${events}`)
    return events
  }, FAST_PATIENCE)
  expect(told).toContain('/sbin/mount.nfs is installed now')
})

test.concurrent('a damaged disk with the same words is not flagged', async () => {
  const node = await fixture.node({ test: 'disk' })
  fixture.agents.nodes.set(node, seeing(wellNode))
  await policyFor('disk', ['MountHelperMissing'], FLAG)
  // A sentence as a plugin might shorten it: no sign of a block device but the type.
  await failing(node, 'FailedMount', noHelper('xfs').replace('kubernetes.io~xfs', 'kubernetes.io~local'))
  const other = await fixture.node({ test: 'disk' })
  fixture.agents.nodes.set(other, seeing(wellNode))
  await failing(other, 'FailedMount', noHelper())
  await fixture.record(other, { phase: 'Succeeded' })
  expect((await fixture.cluster.get<Flagged>('node', node)).metadata.labels).not.toHaveProperty([
    'flag.podmend.io/MountHelperMissing',
  ])
})

test.concurrent('sandboxes that are stale for good are recycled, each by an order of its own, and no other pod’s', async () => {
  const node = await fixture.node({ test: 'stale' })
  const byUid = new Map<string, Pod>()
  fixture.agents.nodes.set(node, (task) => {
    const pod = byUid.get(task.spec.recycleSandbox?.podUid ?? '')
    if (pod) void fixture.runs(pod)
    return seeing(wellNode)(task)
  })
  // Long enough for all of them to have been heard of: those that come later wait for the next attempt.
  await policyFor('stale', ['SandboxStale'], { actions: [{ type: 'RecycleSandbox', timeout: '1m' }] }, '4s')
  const bystander = await fixture.stuck({ namespace: await fixture.cluster.namespace(), node })
  await fixture.runs(bystander)
  // Each ran before: its container ended, its phase stays Running, and only its condition says that it has no sandbox.
  const pods: Pod[] = []
  const namespace = await fixture.cluster.namespace()
  for (let i = 0; i < 3; i += 1) {
    const pod = await fixture.stuck({ namespace, node, ranBefore: true })
    byUid.set(pod.metadata.uid, pod)
    pods.push(pod)
  }
  for (const pod of pods) await fixture.says(pod, 'FailedCreatePodSandBox', NETNS_GONE)
  await fixture.record(node, { phase: 'Succeeded' })
  const recycled = tasksFor(node, 'RecycleSandbox').map(({ spec }) => spec.recycleSandbox?.podUid)
  expect(recycled).toHaveLength(3)
  expect(new Set(recycled)).toEqual(new Set(pods.map(({ metadata }) => metadata.uid)))
})

test.concurrent('who asks of one node at once shares one look', async () => {
  const node = await fixture.node({ test: 'shared' })
  fixture.agents.nodes.set(node, seeing(wellNode))
  await policyFor('shared', ['IptablesChainMissing', 'RuntimeUnresponsive', 'MountHelperMissing'])
  await failing(node, 'FailedCreatePodSandBox', chainGone())
  await failing(node, 'FailedMount', noHelper())
  for (
    let i = 0;
    i < 50 && (await fixture.recordsOf(node)).filter(({ status }) => status?.phase === 'Held').length < 2;
    i += 1
  ) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect((await fixture.recordsOf(node)).map(({ spec }) => spec.cause).toSorted()).toEqual([
    'IptablesChainMissing',
    'MountHelperMissing',
  ])
  expect(tasksFor(node, 'Inspect').length).toBeLessThanOrEqual(2)
})

test.concurrent('explain says of a pod and of its node what lies with the node, from what the agent told the controller, and writes nothing', async () => {
  const node = await fixture.node({ test: 'explained' })
  fixture.agents.nodes.set(node, seeing(wipedNode))
  await policyFor('explained', ['IptablesChainMissing'], { ...RESTART, mode: 'Observe' })
  const [first, second] = await failing(node, 'FailedCreatePodSandBox', chainGone(), 2)
  await fixture.record(node, { phase: 'Observed' })
  expect(tasksFor(node, 'Inspect')).not.toEqual([])
  const explained = async (...args: readonly string[]): Promise<string> => {
    const { status, out, err } = await runMend(['explain', ...args], {
      environment: { KUBECONFIG: fixture.cluster.plane.kubeconfig },
    })
    expect({ status, err }).toEqual({ status: 0, err: '' })
    return out
  }
  const { name = '', namespace = '' } = first?.metadata ?? {}
  for (const out of [await explained(`pod/${name}`, '-n', namespace), await explained(`node/${node}`)]) {
    expect(out).toContain(`Node ${node} fails: IptablesChainMissing`)
    // What lies with the node is told with all its pods, of whatever namespace, whichever was asked about.
    expect(out).toContain(`${namespace}/${name}`)
    expect(out).toContain(`${second?.metadata.namespace}/${second?.metadata.name}`)
    expect(out).toContain('chain DOCKER is missing from tables filter and nat')
    expect(out).toContain('docker.service')
    expect(out).toContain('in mode Enforce it would act: RestartRuntime')
  }
  expect(await explained(`node/${node}`)).toContain(`Node ${node}: Ready`)
  const written = readWrites(fixture.cluster.plane.auditLog, 'kubernetes-admin')
  expect(written.filter(({ verb, resource }) => verb === 'create' && resource === 'nodetasks.podmend.io')).toEqual([])
})

test.concurrent('explain says of a node whose runtime is down that it is the node itself', async () => {
  const node = await fixture.node({ test: 'explained-down' })
  await fixture.readiness(node, 'False', DOWN)
  const { status, out } = await runMend(['explain', 'node', node], {
    environment: { KUBECONFIG: fixture.cluster.plane.kubeconfig },
  })
  expect(status).toBe(0)
  expect(out).toContain(`Node ${node} fails: RuntimeUnresponsive`)
  expect(out).toContain(`Node ${node}: not Ready: ${DOWN}`)
  expect(out).not.toMatch(/^pods /m)
})

test.concurrent('explain says of a node that is well that it is', async () => {
  const node = await fixture.node()
  const environment = { KUBECONFIG: fixture.cluster.plane.kubeconfig }
  const { status, out } = await runMend(['explain', `no/${node}`], { environment })
  expect({ status, out }).toMatchObject({
    status: 0,
    out: expect.stringContaining(`Node ${node} is not failing: Ready`),
  })
  const none = await runMend(['explain', 'node/nobody'], { environment })
  expect(none.err).toContain('Node nobody does not exist')
})

test.concurrent('a node that was deleted ends its record', async () => {
  const node = await fixture.node({ test: 'gone' })
  await policyFor('gone', ['RuntimeUnresponsive'])
  fixture.agents.nodes.set(node, seeing(wellNode))
  await fixture.readiness(node, 'False', DOWN)
  await fixture.record(node, { phase: 'Held' })
  await fixture.cluster.kubectl(['delete', 'node', node])
  const { status } = await fixture.record(node, { phase: 'Cancelled' })
  expect(status?.reason).toBe('OwnerGone')
})

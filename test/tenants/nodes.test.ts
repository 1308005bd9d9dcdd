/** What a tenant with pods and Events of one namespace cannot bring about on nodes, nor on the pods of others. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Remediation } from '../../src/api/kinds.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { Node, Pod } from '../../src/model/kubernetes.ts'
import { eventually } from '../../testbed/fixture.ts'
import { seeing, wellNode } from '../agent/fake-agent.ts'
import { useNodeFixture } from '../node/fixture.ts'
import { FAST_PATIENCE, NETNS_GONE, noHelper, PORT_TAKEN } from '../node/messages.ts'
import { createTenant, installAdmission, type Tenant } from './fixture.ts'

const fixture = useNodeFixture()
const MERGE = 'application/merge-patch+json'
const RECYCLE = [{ type: 'RecycleSandbox', timeout: '1m' }]
const TAINT = [{ type: 'FlagNode', flagNode: { taint: 'NoSchedule' } }]
let tenant: Tenant

beforeAll(async () => {
  await installAdmission(fixture.cluster)
  tenant = await createTenant(fixture.cluster, 'tess')
}, 180_000)
afterAll(() => tenant?.api.close())

/** A policy for nodes with this label alone. */
const policyFor = (label: string, causes: readonly string[], actions: readonly object[]) =>
  fixture.policy(label, {
    match: { causes, failingFor: '0s', nodeSelector: { matchLabels: { test: label } } },
    actions,
    limits: { maxUnhealthyNodes: '100%' },
  })

/** An Event as the tenant writes it, in the tenant's namespace unless `about` names another. */
const forge = (about: object, reason: string, message: string, at = new Date().toISOString()): Promise<unknown> =>
  tenant.api.call('POST', pathOf({ kind: 'Event', namespace: tenant.namespace }), {
    metadata: { generateName: 'forged.', namespace: tenant.namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: tenant.namespace, ...about },
    type: 'Warning',
    reason,
    message,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: 'kubelet' },
    reportingComponent: 'kubelet',
  })

const refOf = ({ metadata: { name, uid } }: Pod) => ({ name, uid })

const expectUntouched = async (name: string): Promise<void> => {
  const { metadata, spec } = await fixture.api.call<Node>('GET', pathOf({ kind: 'Node', name }))
  expect(Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith('flag.'))).toEqual([])
  expect(spec?.taints ?? []).toEqual([])
  const tasks = fixture.agents.tasks.filter(({ spec: task }) => task.nodeName === name && task.verb !== 'Inspect')
  expect(tasks).toEqual([])
}

test.concurrent('an Event about the uid of a pod elsewhere reaches neither that pod nor its node', async () => {
  const [theirs, known] = [await fixture.node({ test: 'uid' }), await fixture.node({ test: 'uid' })]
  for (const node of [theirs, known]) fixture.agents.nodes.set(node, seeing(wellNode))
  await policyFor('uid', ['SandboxStale'], RECYCLE)
  const namespace = await fixture.cluster.namespace('victim')
  const victim = await fixture.stuck({ namespace, node: theirs })
  // The API server itself refuses an Event about another namespace.
  const elsewhere = forge({ namespace, ...refOf(victim) }, 'FailedCreatePodSandBox', NETNS_GONE)
  await expect(elsewhere).rejects.toThrow(/does not match/)
  await forge({ name: 'anything', uid: victim.metadata.uid }, 'FailedCreatePodSandBox', NETNS_GONE)
  await forge(refOf(victim), 'FailedCreatePodSandBox', NETNS_GONE)
  // A true one that comes later is acted on.
  await fixture.says(await fixture.stuck({ namespace, node: known }), 'FailedCreatePodSandBox', NETNS_GONE)
  await eventually(() => {
    if (!fixture.agents.tasks.some(({ spec }) => spec.nodeName === known && spec.verb === 'RecycleSandbox'))
      throw new Error('the true incident is not acted on yet')
    return Promise.resolve()
  }, FAST_PATIENCE)
  expect(await fixture.recordsOf(theirs)).toEqual([])
  await expectUntouched(theirs)
})

test.concurrent('sixteen Events from 2099 do not hide what the kubelet reports after them', async () => {
  const node = await fixture.node({ test: 'future' })
  fixture.agents.nodes.set(node, seeing(wellNode))
  await policyFor('future', ['SandboxStale'], RECYCLE)
  const pod = await fixture.stuck({ namespace: tenant.namespace, node })
  for (let i = 0; i < 16; i += 1)
    await forge(refOf(pod), 'FailedCreatePodSandBox', `${PORT_TAKEN} ${i}`, '2099-01-01T00:00:00Z')
  await fixture.says(pod, 'FailedCreatePodSandBox', NETNS_GONE)
  const { spec } = await fixture.record(node)
  expect(spec.cause).toBe('SandboxStale')
})

/** What the kubelet writes when the container cannot be created or started. */
const waits = async ({ metadata: { name, namespace } }: Pod, reason: string, message: string): Promise<void> => {
  const state = { waiting: { reason, message } }
  const status = { name: 'app', image: 'registry.test/app:1', imageID: '', ready: false, restartCount: 0, state }
  const conditions = [{ type: 'PodReadyToStartContainers', status: 'True' }]
  const path = pathOf({ kind: 'Pod', namespace: namespace ?? '', name, subresource: 'status' })
  await fixture.api.call(
    'PATCH',
    path,
    { status: { phase: 'Pending', conditions, containerStatuses: [status] } },
    MERGE,
  )
}

const TYPE = 'nfs filesystem not supported by the system'
const QUOTED: readonly (readonly [label: string, reason: string, message: string, cause: string])[] = [
  [
    'command',
    'RunContainerError',
    `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "${TYPE} \u001b[2J\u202e": executable file not found in $PATH: unknown`,
    'ExecNotFound',
  ],
  [
    'hook',
    'PostStartHookError',
    `Exec lifecycle hook ([sh -c id]) for Container "app" in Pod "p" failed - error: command 'sh' exited with 1, message: "mount: unknown filesystem type 'nfs'\u001b]0;owned\u0007"`,
    'PostStartHook',
  ],
]

test.concurrent.each(QUOTED)(
  'a %s that a kubelet quotes passes for no cause of the node, and its escape sequences are shown, not obeyed',
  async (label, reason, message, cause) => {
    const node = await fixture.node({ test: label })
    await policyFor(label, ['MountHelperMissing'], TAINT)
    await fixture.policy(`${label}-observed`, {
      mode: 'Observe',
      match: { causes: [cause], failingFor: '0s' },
      actions: [{ type: 'RecyclePod' }],
    })
    const pod = await fixture.stuck({ namespace: tenant.namespace, node })
    await waits(pod, reason, message)
    const record = await eventually(async () => {
      const path = pathOf({ kind: 'Remediation', namespace: tenant.namespace })
      const { items } = await tenant.api.call<{ items: Remediation[] }>('GET', path)
      const found = items.find(({ spec }) => spec.target.uid === pod.metadata.uid)
      if (!found?.status?.phase) throw new Error('no record of the pod yet')
      return found
    }, FAST_PATIENCE)
    expect(record.spec.cause).toBe(cause)
    expect(JSON.stringify(record)).not.toMatch(/\\u001b|\\u0007|\u202e/)
    expect(record.spec.message).toMatch(/␛|\ufffd/)
    expect(await fixture.recordsOf(node)).toEqual([])
    await expectUntouched(node)
  },
)

test.concurrent.each([
  ['mount', 'MountHelperMissing', 'FailedMount', noHelper('evilfs'), 'mounts no volume of type evilfs'],
  ['sandbox', 'SandboxStale', 'FailedCreatePodSandBox', NETNS_GONE, 'no agent has acted'],
])('without an agent no forged Event gets a node tainted: %s', async (label, cause, reason, message, says) => {
  const node = await fixture.node({ test: `taint-${label}` })
  await policyFor(`taint-${label}`, [cause], TAINT)
  const pod = await fixture.stuck({ namespace: tenant.namespace, node })
  await forge(refOf(pod), reason, message)
  const { status } = await fixture.record(node, { phase: 'Held', reason: 'FactUnknown' })
  expect(status?.message).toContain(says)
  await expectUntouched(node)
})

test.concurrent('a forged Event about a pod that gets no sandbox restarts no runtime and taints no node, if the agent finds none', async () => {
  const node = await fixture.node({ test: 'none' })
  fixture.agents.nodes.set(node, (task) => ({
    ...seeing(wellNode)(task),
    ...(task.spec.verb === 'RecycleSandbox' && { reason: 'AlreadyDone', message: 'it has no sandbox on this node' }),
  }))
  await policyFor(
    'none',
    ['SandboxStale'],
    [{ type: 'RecycleSandbox', timeout: '10s' }, { type: 'RestartRuntime', timeout: '10s' }, ...TAINT],
  )
  const pod = await fixture.stuck({ namespace: tenant.namespace, node })
  await forge(refOf(pod), 'FailedCreatePodSandBox', NETNS_GONE)
  // On a slow machine, an inspection that came too late holds first.
  await eventually(
    async () => {
      const { status } = await fixture.record(node, { phase: 'Held', reason: 'FactUnknown' })
      expect(status?.message).toContain('agent found no dead sandbox: it has no sandbox on this node')
    },
    { timeoutMs: 90_000 },
  )
  const verbs = fixture.agents.tasks.filter(({ spec }) => spec.nodeName === node).map(({ spec }) => spec.verb)
  expect(verbs).toContain('RecycleSandbox')
  expect(verbs).not.toContain('RestartRuntime')
  const { metadata, spec } = await fixture.api.call<Node>('GET', pathOf({ kind: 'Node', name: node }))
  expect([Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith('flag.')), spec?.taints ?? []]).toEqual(
    [[], []],
  )
})

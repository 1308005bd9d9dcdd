import { beforeAll, expect, test } from 'vitest'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { act } from '../../src/remedies/list.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { aNode, installPlan } from './node-plans.ts'
import { depsOf } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
let ns: string
let node: KubeObject
beforeAll(async () => {
  ns = await cluster.namespace('install')
  const agentImage = {
    name: 'registry.example.com/podmend/podmend-agent:1',
    pullPolicy: 'Never' as const,
    pullSecrets: ['pull'],
  }
  deps = { ...(await depsOf(cluster.plane.kubeconfig)), namespace: ns, agentImage }
  node = await aNode(cluster, 'install-1')
})

interface Installer extends KubeObject {
  readonly spec: {
    readonly nodeName: string
    readonly automountServiceAccountToken: boolean
    readonly hostPID?: boolean
    readonly hostNetwork?: boolean
    readonly restartPolicy: string
    readonly securityContext: object
    readonly activeDeadlineSeconds: number
    readonly imagePullSecrets: readonly object[]
    readonly volumes: readonly { readonly hostPath?: { readonly path: string } }[]
    readonly containers: readonly {
      readonly args: readonly string[]
      readonly securityContext: object
      readonly volumeMounts: readonly object[]
    }[]
  }
}

const read = (name: string) => cluster.get<Installer>('pod', name, '-n', ns)

test('a pod on that node installs it: root by the system bus alone, without capabilities, host namespaces or a token', async () => {
  expect(await act(installPlan(node), deps)).toMatchObject({ kind: 'Done', wrote: [{ verb: 'created' }] })
  const { metadata, spec } = await read('install-install-1')
  expect(metadata.labels).toMatchObject({ 'podmend.io/privileged-install': 'true' })
  expect(spec).toMatchObject({
    nodeName: 'install-1',
    automountServiceAccountToken: false,
    restartPolicy: 'Never',
    activeDeadlineSeconds: 120,
    imagePullSecrets: [{ name: 'pull' }],
  })
  expect([spec.hostPID, spec.hostNetwork]).toEqual([undefined, undefined])
  expect(spec.volumes.map(({ hostPath }) => hostPath?.path)).toEqual(['/run/dbus/system_bus_socket', '/etc/os-release'])
  const [container] = spec.containers
  expect(container?.args.slice(0, 3)).toEqual(['install-mount-helper', '--type', 'nfs'])
  expect(container?.securityContext).toMatchObject({ privileged: false, capabilities: { drop: ['ALL'] } })
  expect(container?.volumeMounts).toHaveLength(2)
})

test('it is confined as the agent is, and finds the bus where that does', async () => {
  const confined = { appArmorProfile: { type: 'Unconfined' }, seLinuxOptions: { type: 'spc_t' } }
  const systemBus = '/run/elsewhere/bus'
  const agentImage = { name: 'registry.example.com/podmend/podmend-agent:1', systemBus, ...confined }
  const plan = installPlan(node, { podName: 'confined' })
  expect(await act(plan, { ...deps, agentImage })).toMatchObject({ kind: 'Done' })
  const { spec } = await read('confined')
  expect(spec.securityContext).toMatchObject({ runAsUser: 0, ...confined })
  expect(spec.volumes[0]?.hostPath?.path).toBe(systemBus)
  expect((await read('install-install-1')).spec.securityContext).not.toHaveProperty('appArmorProfile')
})

test('it is created once, and a foreign pod of the same name is not touched', async () => {
  const plan = installPlan(node, { podName: 'once' })
  await act(plan, deps)
  const { uid } = (await read('once')).metadata
  expect(await act(plan, deps)).toEqual({ kind: 'AlreadyDone' })
  expect((await read('once')).metadata.uid).toBe(uid)
  expect(await act({ ...plan, fsType: 'cifs' }, deps)).toMatchObject({ kind: 'Refused' })
  expect((await read('once')).metadata.uid).toBe(uid)
})

test('without an image of the agent nothing is created', async () => {
  const { agentImage: _, ...without } = deps
  const plan = installPlan(node, { podName: 'no-image' })
  expect(await act(plan, without)).toMatchObject({ kind: 'Refused', why: expect.stringContaining('--agent-image') })
  expect(await cluster.kubectl(['get', 'pod', 'no-image', '-n', ns, '--ignore-not-found', '-o', 'name'])).toBe('')
})

const podNamed = (name: string) => cluster.kubectl(['get', 'pod', name, '-n', ns, '--ignore-not-found', '-o', 'name'])

test('nothing is installed on a node that was recreated under the same name, or that opted out since', async () => {
  const before = await aNode(cluster, 'install-2')
  await cluster.kubectl(['delete', 'node', 'install-2'])
  const plan = installPlan(before)
  expect(await act(plan, deps)).toMatchObject({ kind: 'Stale', why: 'node install-2 is gone or was recreated' })
  const after = await aNode(cluster, 'install-2')
  expect(await act(plan, deps)).toMatchObject({ kind: 'Stale', why: 'node install-2 is gone or was recreated' })
  await cluster.kubectl(['annotate', 'node', 'install-2', 'podmend.io/exclude=true'])
  expect(await act(installPlan(after), deps)).toMatchObject({ kind: 'Stale', why: expect.stringContaining('excluded') })
  expect(await podNamed('install-install-2')).toBe('')
})

test('the pod belongs to the node by its uid, so that a node of the same name does not inherit it', async () => {
  const owned = await aNode(cluster, 'install-3')
  await act(installPlan(owned), deps)
  expect((await read('install-install-3')).metadata.ownerReferences).toEqual([
    expect.objectContaining({ kind: 'Node', name: 'install-3', uid: owned.metadata.uid }),
  ])
  await cluster.kubectl(['delete', 'node', 'install-3'])
  await aNode(cluster, 'install-3')
  // Where there is no kubelet, a deleted pod stays until its grace period is over.
  await expect
    .poll(async () => (await read('install-install-3')).metadata.deletionTimestamp, {
      timeout: 90_000,
      interval: 1_000,
    })
    .toBeDefined()
})

import { beforeAll, expect, test } from 'vitest'
import { createGather } from '../../src/diagnose/gather.ts'
import { buildIncident } from '../../src/diagnose/incident.ts'
import { ownerOfNode } from '../../src/diagnose/node/facts.ts'
import { inspectNothing } from '../../src/diagnose/node/inspection.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { type FactName, type Facts, type Incident, known } from '../../src/model/incident.ts'
import type { KubeObject, Node, Pod } from '../../src/model/kubernetes.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { openApi } from '../../testbed/kubelet/api.ts'
import { registerNode } from '../../testbed/kubelet/nodes.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let kube: KubeClient
let namespace: string
let spaces: readonly string[]
let pods: readonly Pod[]
let incident: Incident

const podOn = (node: string, space: string, name: string): Promise<Pod> =>
  kube.create<Pod>(pathOf({ kind: 'Pod', namespace: space }), {
    metadata: { name },
    spec: { nodeName: node, containers: [{ name: 'app', image: 'registry.test/app:1' }] },
  })

beforeAll(async () => {
  kube = await clientOf(cluster.plane.kubeconfig)
  await cluster.kubectl(['apply', '-f', 'crds/'])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/nodetasks.podmend.io', '--timeout=30s'])
  await eventually(() => cluster.kubectl(['get', 'nodetasks', '-A']))
  namespace = await cluster.namespace('operator')
  spaces = [await cluster.namespace('one'), await cluster.namespace('two')]
  const api = openApi(cluster.plane.kubeconfig)
  await registerNode(api, 'node-1', { index: 0, runtime: 'containerd' })
  await registerNode(api, 'node-2', { index: 1, runtime: 'containerd' })
  api.close()
  const [one = '', two = ''] = spaces
  pods = [await podOn('node-1', one, 'a'), await podOn('node-1', two, 'b'), await podOn('node-2', two, 'elsewhere')]
  const node = await kube.get<Node>(pathOf({ kind: 'Node', name: 'node-1' }))
  const finding = {
    container: '',
    init: false,
    image: '',
    cause: 'SandboxStale',
    message: 'x',
    possibleCauses: [],
  } as const
  incident = buildIncident({
    owner: ownerOfNode(node),
    area: 'SandboxStale',
    pods: pods.slice(0, 2).map((pod) => ({ pod, findings: [{ ...finding, source: 'event' }], since: 0 })),
  })
})

const gather = (
  names: readonly FactName[],
  reads: KubeClient = kube,
  have: Facts = { registry: {} },
  failing: Incident['pods'] = incident.pods,
): Promise<Facts> =>
  createGather({
    reads,
    registry: {
      ask: () => Promise.reject(new Error('no registry is asked for a node')),
      list: () => Promise.reject(new Error('no registry is asked for a node')),
    },
    agents: { namespace, inspect: inspectNothing },
  })({ ...incident, pods: failing }, names, have)

test('every namespace in which a pod fails is read, by its name', async () => {
  const { namespaces = {} } = await gather([{ fact: 'namespaces' }])
  expect(Object.keys(namespaces).toSorted((a, b) => a.localeCompare(b))).toEqual(
    spaces.toSorted((a, b) => a.localeCompare(b)),
  )
  expect(namespaces[spaces[0] ?? '']).toMatchObject({ known: true, value: { name: spaces[0] } })
})

test('the node is the incident’s own, and its pods are all that are on it, and no others', async () => {
  const { node, nodePods } = await gather([{ fact: 'node' }, { fact: 'nodePods' }])
  expect(node).toMatchObject({ known: true, value: { name: 'node-1', ready: true, platform: 'linux/amd64' } })
  const names = nodePods?.known ? nodePods.value.map(({ metadata }) => metadata.name) : []
  expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual(['a', 'b'])
})

test('a pod on the node opts out by its namespace, or by any object in the chain that owns it', async () => {
  const space = await cluster.namespace('owners')
  const excluded = await cluster.namespace('excluded')
  await cluster.kubectl(['annotate', 'namespace', excluded, 'podmend.io/exclude=true'])
  const templateFor = (labels: Record<string, string>) => ({
    metadata: { labels },
    spec: { containers: [{ name: 'app', image: 'x' }] },
  })
  const deploymentOf = async (name: string, annotations: Record<string, string>) =>
    kube.create<KubeObject>(pathOf({ kind: 'Deployment', apiVersion: 'apps/v1', namespace: space }), {
      metadata: { name, annotations },
      spec: { replicas: 0, selector: { matchLabels: { app: name } }, template: templateFor({ app: name }) },
    })
  const ownedBy = async (deployment: KubeObject, name: string): Promise<Pod> => {
    const refOf = (kind: string, { metadata }: KubeObject) => [
      { apiVersion: 'apps/v1', kind, name: metadata.name, uid: metadata.uid, controller: true },
    ]
    // The Deployment's controller releases a ReplicaSet whose labels its selector does not match, and copies annotations
    // to the one whose template is its own.
    const labels = { app: deployment.metadata.name }
    const set = await kube.create<KubeObject>(pathOf({ kind: 'ReplicaSet', apiVersion: 'apps/v1', namespace: space }), {
      metadata: { name, labels, ownerReferences: refOf('Deployment', deployment) },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: templateFor({ ...labels, revision: 'before' }),
      },
    })
    return {
      metadata: {
        name,
        namespace: space,
        uid: `pod-${name}`,
        resourceVersion: '1',
        ownerReferences: refOf('ReplicaSet', set),
      },
    }
  }
  const out = await ownedBy(await deploymentOf('out', { 'podmend.io/exclude': 'true' }), 'out-1')
  const stays = await ownedBy(await deploymentOf('stays', {}), 'stays-1')
  const lone = (namespaced: string): Pod => ({
    metadata: { name: 'lone', namespace: namespaced, uid: `pod-${namespaced}`, resourceVersion: '1' },
  })
  const all = known([out, stays, lone(space), lone(excluded)])
  const facts = await gather([{ fact: 'optOuts' }], kube, { registry: {}, nodePods: all })
  expect(facts.optOuts).toEqual(
    known([
      { uid: 'pod-out-1', by: 'Deployment out' },
      { uid: `pod-${excluded}`, by: `namespace ${excluded}` },
    ]),
  )
  const failing = [out, stays, lone(excluded)].map((pod) => ({ pod, findings: [], since: 0 }))
  expect((await gather([{ fact: 'failingOptOuts' }], kube, { registry: {} }, failing)).failingOptOuts).toEqual([
    { uid: 'pod-out-1', by: 'Deployment out' },
    { uid: `pod-${excluded}`, by: `namespace ${excluded}` },
  ])
})

test('tasks are read by name, and a missing one is left out', async () => {
  await kube.create(pathOf({ kind: 'NodeTask', namespace }), {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: { name: 'there', namespace },
    spec: { nodeName: 'node-1', nodeUid: 'u', verb: 'Inspect', deadline: new Date().toISOString() },
  })
  const { tasks } = await gather([{ fact: 'tasks', names: ['there', 'gone', 'there'] }])
  expect(tasks).toMatchObject({ known: true, value: [{ metadata: { name: 'there' } }] })
})

test('an installing pod that is not there is known not to be', async () => {
  expect((await gather([{ fact: 'installer', name: 'nowhere' }])).installer).toEqual({ known: true, value: undefined })
})

test('a workload has each node on which its pods fail; beyond those that are read the watch is asked', async () => {
  const on = (name: string, nodeName: string) => ({
    pod: { metadata: { name, uid: name, resourceVersion: '1' }, spec: { nodeName } },
    findings: [],
    since: 0,
  })
  const reads = Array.from({ length: 15 }, (_, i) => on(`gone-${i}`, `gone-${i}`))
  const failing = [on('a', 'node-1'), ...reads, on('b', 'node-2'), on('c', 'unseen')]
  const watched = { name: 'node-2', labels: {}, annotations: { seen: 'by the watch' }, platform: 'linux/arm64' }
  const { nodes = {} } = await createGather({
    reads: kube,
    registry: { ask: () => Promise.reject(new Error('not asked')), list: () => Promise.reject(new Error('not asked')) },
    watchedNode: (name) => (name === watched.name ? watched : undefined),
  })({ ...incident, pods: failing }, [{ fact: 'nodes' }], { registry: {} })
  expect(nodes['node-1']).toMatchObject({ known: true, value: { name: 'node-1', platform: 'linux/amd64' } })
  expect(nodes['gone-0']).toEqual({ known: false, why: 'nodes gone-0 does not exist' })
  expect(nodes['node-2']).toEqual({ known: true, value: watched })
  expect(nodes['unseen']).toMatchObject({ known: false, why: expect.stringContaining('does not show node unseen') })
})

/** A PersistentVolume, and a claim that names it; `bound`: the volume names the claim as well, as its controller writes. */
const claimOf = async (name: string, source: object, { bound }: { readonly bound: boolean }): Promise<void> => {
  const [space = ''] = spaces
  const size = { storage: '1Gi' }
  const claim = await kube.create<Pod>(pathOf({ kind: 'PersistentVolumeClaim', namespace: space }), {
    metadata: { name },
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: size }, volumeName: name, storageClassName: '' },
  })
  const claimRef = { namespace: space, name, uid: bound ? claim.metadata.uid : 'another' }
  await kube.create(pathOf({ kind: 'PersistentVolume' }), {
    metadata: { name },
    spec: { accessModes: ['ReadWriteMany'], capacity: size, claimRef, ...source },
  })
}

test('what a pod mounts through claims is that of volumes that are bound to them', async () => {
  const [space = ''] = spaces
  const nfs = { nfs: { server: '10.0.0.1', path: '/x' } }
  await claimOf('mine', nfs, { bound: true })
  await claimOf('forged', nfs, { bound: false })
  await claimOf('driver', { csi: { driver: 'nfs.csi.k8s.io', volumeHandle: 'x' } }, { bound: true })
  const claiming = (name: string, claimName: string) => ({
    pod: {
      metadata: { name, namespace: space, uid: name, resourceVersion: '1' },
      spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] },
    },
    findings: [],
    since: 0,
  })
  const inline = claiming('inline', 'mine')
  const pod = { ...inline.pod, spec: { volumes: [{ name: 'data', nfs: {} }] } }
  const failing = ['mine', 'forged', 'driver', 'absent'].map((name) => claiming(name, name))
  const of = (reads: KubeClient) =>
    createGather({
      reads,
      registry: {
        ask: () => Promise.reject(new Error('not asked')),
        list: () => Promise.reject(new Error('not asked')),
      },
    })({ ...incident, pods: [...failing, { ...inline, pod }] }, [{ fact: 'volumes' }], { registry: {} })
  expect((await of(kube)).volumes).toEqual({
    mine: { known: true, value: ['nfs'] },
    forged: { known: true, value: [] },
    driver: { known: true, value: [] },
    absent: { known: true, value: [] },
  })
  const nobody = await clientOf(await cluster.plane.userKubeconfig('nobody', ['system:authenticated']))
  expect((await of(nobody)).volumes?.['mine']).toMatchObject({
    known: false,
    why: expect.stringContaining('get persistentvolumeclaims'),
  })
})

test('what may not be read is unknown, and names the right', async () => {
  const nobody = await clientOf(await cluster.plane.userKubeconfig('nobody', ['system:authenticated']))
  const names: readonly FactName[] = [
    { fact: 'namespaces' },
    { fact: 'node' },
    { fact: 'nodePods' },
    { fact: 'tasks', names: ['there'] },
    { fact: 'installer', name: 'there' },
  ]
  const facts = await gather(names, nobody)
  expect(facts.node).toEqual({ known: false, why: 'the right to get nodes is missing' })
  expect(facts.nodePods).toEqual({ known: false, why: 'the right to list pods is missing' })
  expect(facts.tasks).toMatchObject({ known: false, why: expect.stringContaining('get nodetasks.podmend.io') })
  expect(facts.installer).toMatchObject({ known: false, why: expect.stringContaining('get pods') })
  for (const fact of Object.values(facts.namespaces ?? {})) {
    expect(fact).toMatchObject({ known: false, why: expect.stringContaining('get namespaces') })
  }
})

import { beforeAll, describe, expect, test } from 'vitest'
import { templateHashOf } from '../../src/diagnose/owner/owner.ts'
import { readOwner, readOwnerAt } from '../../src/diagnose/owner/owner-chain.ts'
import type { KubeClient, Reads } from '../../src/kube/client.ts'
import type { Owner } from '../../src/model/incident.ts'
import type { KubeObject, Pod } from '../../src/model/kubernetes.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let client: KubeClient
let ns: string
beforeAll(async () => {
  client = await clientOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('owner')
})

const IMAGE = 'harbor.od.com/k8s/coredns:1.6.1'

/** The client, and the paths that were asked of it. */
const counted = (): Reads & { readonly asked: readonly string[] } => {
  const asked: string[] = []
  return {
    asked,
    get: (path, options) => {
      asked.push(path.split('/').slice(-2).join('/'))
      return client.get(path, options)
    },
    list: (path, options) => client.list(path, options),
  }
}

const template = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'coredns', image: IMAGE }], initContainers: [{ name: 'init', image: IMAGE }] },
})

const apply = (kind: string, name: string, spec: object, metadata: object = {}, apiVersion = 'apps/v1') =>
  cluster.applyYaml(JSON.stringify({ apiVersion, kind, metadata: { name, ...metadata }, spec }), { namespace: ns })

const workload = (kind: string, name: string, spec: object = {}, metadata: object = {}) =>
  apply(kind, name, { selector: { matchLabels: { app: name } }, template: template(name), ...spec }, metadata)

/** The first pod that the controller manager makes for it. */
const podOf = (name: string): Promise<Pod> =>
  eventually(async () => {
    const { items } = await client.list<Pod>(`/api/v1/namespaces/${ns}/pods`, { labelSelector: `app=${name}` })
    const [pod] = items
    if (!pod) throw new Error(`${name} has no pod`)
    return pod
  })

const ownerOf = async (name: string): Promise<Owner> => readOwner(await podOf(name), client)

describe('the owner of a pod', () => {
  test('is its Deployment, in two requests, of which one is for metadata alone', async () => {
    await workload('Deployment', 'dns', { replicas: 1 })
    const pod = await podOf('dns')
    const reads = counted()
    const owner = await readOwner(pod, reads)
    expect(owner).toMatchObject({
      ref: { kind: 'Deployment', apiVersion: 'apps/v1', namespace: ns, name: 'dns' },
      support: 'supported',
      containers: [{ name: 'coredns', image: IMAGE }],
      initContainers: [{ name: 'init' }],
      selector: { matchLabels: { app: 'dns' } },
      replicas: 1,
      managers: [],
      recreatesPods: true,
      keepsBrokenPods: false,
    })
    expect(owner.blocked).toBeUndefined()
    expect(owner.managedFields.map(({ manager }) => manager)).toContain('kubectl-client-side-apply')
    expect(reads.asked).toEqual(
      [pod.metadata.ownerReferences?.[0]?.name, 'dns'].map(
        (name, i) => `${i === 0 ? 'replicasets' : 'deployments'}/${name}`,
      ),
    )
    expect(templateHashOf(pod)).toBe(pod.metadata.labels?.['pod-template-hash'])
  })

  test.each([
    ['StatefulSet', true],
    ['DaemonSet', false],
  ])('is its %s, in one request', async (kind, keepsBrokenPods) => {
    const name = kind.toLowerCase()
    await workload(kind, name)
    // No scheduler runs here, and a DaemonSet makes no pod without a node: the reference is what counts.
    const { metadata } = await cluster.get<KubeObject>(kind, name, '-n', ns)
    const reference = { apiVersion: 'apps/v1', kind, name, uid: metadata.uid, controller: true }
    const pod: Pod = {
      metadata: { name: 'p', namespace: ns, uid: 'u', resourceVersion: '1', ownerReferences: [reference] },
    }
    const reads = counted()
    expect(await readOwner(pod, reads)).toMatchObject({
      ref: { kind, name, uid: metadata.uid },
      support: 'supported',
      keepsBrokenPods,
    })
    expect(reads.asked).toHaveLength(1)
  })

  test('is the pod itself where nothing owns it, in no request', async () => {
    await apply('Pod', 'bare', template('bare').spec, {}, 'v1')
    const pod = await cluster.get<Pod>('pod', 'bare', '-n', ns)
    const reads = counted()
    const owner = await readOwner(pod, reads)
    expect(owner).toMatchObject({
      ref: { kind: 'Pod', name: 'bare', uid: pod.metadata.uid },
      support: 'supported',
      recreatesPods: false,
    })
    expect(reads.asked).toEqual([])
    expect(templateHashOf(pod)).toBe(pod.metadata.uid)
  })

  test('is its ReplicaSet where that belongs to no Deployment', async () => {
    const spec = { replicas: 1, selector: { matchLabels: { app: 'rs' } }, template: template('rs') }
    await apply('ReplicaSet', 'rs', spec)
    expect(await ownerOf('rs')).toMatchObject({
      ref: { kind: 'ReplicaSet', name: 'rs' },
      support: 'supported',
      keepsBrokenPods: true,
      keepsHealthyPods: true,
      recreatesPods: true,
    })
  })

  const jobSpec = (app: string) => ({
    template: { ...template(app), spec: { ...template(app).spec, restartPolicy: 'Never' } },
  })

  test('is its Job where nothing owns that, in one request', async () => {
    await apply('Job', 'job', jobSpec('job'), {}, 'batch/v1')
    const pod = await podOf('job')
    const reads = counted()
    expect(await readOwner(pod, reads)).toMatchObject({
      ref: { kind: 'Job', apiVersion: 'batch/v1', name: 'job' },
      support: 'supported',
      containers: [{ name: 'coredns', image: IMAGE }],
      templateFixed: true,
      patchesPods: true,
      recreatesPods: false,
    })
    expect(reads.asked).toEqual(['jobs/job'])
  })

  test('is the CronJob of its Job, in two requests, and each of its Jobs is the same revision', async () => {
    const spec = { schedule: '0 0 1 1 *', jobTemplate: { spec: jobSpec('cron') } }
    await apply('CronJob', 'cron', spec, {}, 'batch/v1')
    for (const name of ['first', 'second']) {
      await cluster.kubectl(['create', 'job', name, '--from=cronjob/cron', '-n', ns])
    }
    const pods = await eventually(async () => {
      const { items } = await cluster.get<{ items: Pod[] }>('pods', '-l', 'app=cron', '-n', ns)
      expect(items).toHaveLength(2)
      return items
    })
    const reads = counted()
    expect(await readOwner(pods[0] as Pod, reads)).toMatchObject({
      ref: { kind: 'CronJob', apiVersion: 'batch/v1', name: 'cron' },
      support: 'supported',
      containers: [{ name: 'coredns', image: IMAGE }],
      patchesPods: true,
    })
    expect(reads.asked.at(-1)).toBe('cronjobs/cron')
    expect(reads.asked).toHaveLength(2)
    expect(new Set(pods.map(templateHashOf)).size).toBe(1)
  })

  test('is explained and not changed if an unknown kind owns its Job', async () => {
    const workflow = { apiVersion: 'example.com/v1', kind: 'Workflow', name: 'w', uid: 'w', controller: true }
    await apply('Job', 'strange', jobSpec('strange'), { ownerReferences: [workflow] }, 'batch/v1')
    const owner = await ownerOf('strange')
    expect(owner).toMatchObject({ ref: { kind: 'Workflow', name: 'w' }, support: 'unsupported' })
    expect(owner.why).toContain('not a supported kind')
  })

  test.each([
    [
      'a ReplicationController',
      'ReplicationController',
      'v1',
      { replicas: 1, selector: { app: 'rc' }, template: template('rc') },
      'rc',
      'not supported',
    ],
  ])('is explained and not touched where it is %s', async (_, kind, apiVersion, spec, name, why) => {
    await apply(kind, name, spec, {}, apiVersion)
    const owner = await ownerOf(name)
    expect(owner).toMatchObject({ ref: { kind, name }, support: 'unsupported' })
    expect(owner.why).toContain(why)
  })

  test.each([
    [
      'an unknown kind',
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'r', uid: 'u' },
      'not a supported kind',
    ],
    ['gone', { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'gone', uid: 'u' }, 'no longer exists'],
    [
      'another of the same name',
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'dns', uid: 'before' },
      'not a supported kind',
    ],
    [
      'a namesake that was made since',
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'statefulset', uid: 'before' },
      'its uid differs',
    ],
    ['a node: a static pod', { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }, 'static pod'],
  ])('is explained and not touched where it is %s', async (_, reference, why) => {
    const pod: Pod = {
      metadata: {
        name: 'p',
        namespace: ns,
        uid: 'u',
        resourceVersion: '1',
        ownerReferences: [{ ...reference, controller: true }],
      },
    }
    const owner = await readOwner(pod, client)
    expect(owner.support).toBe('unsupported')
    expect(owner.why).toContain(why)
  })

  test('is explained with the missing right where it may not be read', async () => {
    const pod = await podOf('dns')
    const nobody = await clientOf(await cluster.plane.userKubeconfig('nobody'))
    const owner = await readOwner(pod, nobody)
    expect(owner.support).toBe('unsupported')
    expect(owner.why).toContain(`the right to get replicasets.apps in namespace ${ns} is missing`)
  })
})

describe('an edit would not roll out', () => {
  test.each([
    ['Deployment', 'paused', { paused: true }, 'is paused'],
    ['DaemonSet', 'ondelete', { updateStrategy: { type: 'OnDelete' } }, 'OnDelete'],
    ['StatefulSet', 'partition', { updateStrategy: { rollingUpdate: { partition: 2 } } }, 'partition 2'],
  ])('where a %s is %s', async (kind, name, spec, why) => {
    await workload(kind, name, spec)
    const { apiVersion, metadata } = await cluster.get<KubeObject & { apiVersion: string }>(kind, name, '-n', ns)
    const owner = await readOwnerAt({ apiVersion, kind, namespace: ns, name, uid: metadata.uid }, undefined, client)
    expect(owner?.blocked).toContain(why)
  })

  test('where it is being deleted', async () => {
    await workload('Deployment', 'going', { replicas: 0 }, { finalizers: ['example.com/hold'] })
    const { metadata } = await cluster.get<KubeObject>('deployment', 'going', '-n', ns)
    await cluster.kubectl(['delete', 'deployment', 'going', '-n', ns, '--wait=false'])
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: ns, name: 'going', uid: metadata.uid }
    expect((await readOwnerAt(ref, undefined, client))?.blocked).toContain('being deleted')
    await cluster.kubectl([
      'patch',
      'deployment',
      'going',
      '-n',
      ns,
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ])
    expect(await eventually(async () => (await readOwnerAt(ref, undefined, client)) ?? 'gone')).toBe('gone')
  })
})

test('an owner that an operator or a chart made shows it', async () => {
  const { metadata } = await cluster.get<KubeObject>('serviceaccount', 'default', '-n', ns)
  await workload(
    'Deployment',
    'managed',
    { replicas: 1 },
    {
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'meta.helm.sh/release-name': 'shop' },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ServiceAccount', name: 'default', uid: metadata.uid, controller: true },
      ],
    },
  )
  expect((await ownerOf('managed')).managers).toMatchObject([
    { name: 'operator of ServiceAccount default', writesBack: true },
    { name: 'Helm', writesBack: false, editAt: `Helm release ${ns}/shop` },
  ])
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { AUTO_RUN_LABEL, type FakeKubelet, startFakeKubelet } from '../../testbed/kubelet/fake-kubelet.ts'
import { type HarborProxy, startHarborProxy } from '../../testbed/registry/harbor-proxy.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { type Registry, startRegistry } from '../../testbed/registry/registry.ts'

interface Pod {
  metadata: { name: string; uid: string }
  spec: { nodeName: string }
  status: {
    phase: string
    conditions: { type: string; status: string; message?: string }[]
    initContainerStatuses?: Status[]
    containerStatuses: Status[]
  }
}

interface Status {
  name: string
  imageID: string
  ready: boolean
  restartCount: number
  state: { waiting?: { reason: string; message: string }; running?: { startedAt: string }; terminated?: object }
}

interface Event {
  reason: string
  message: string
  type: string
  count: number
  source: { component: string; host: string }
  involvedObject: { uid: string; fieldPath: string }
}

const cluster = useControlPlane()
const hostsDir = mkdtempSync(join(tmpdir(), 'hosts-'))
let registry: Registry
let proxy: HarborProxy
let hub: HarborProxy
let kubelet: FakeKubelet
let digest: string

beforeAll(async () => {
  registry = await startRegistry()
  ;({ digest } = await registry.pushImage('public/coredns', '1.6.1'))
  await registry.pushImage('public/arm', '1', { platforms: ['linux/arm64', 'linux/s390x'] })
  await registry.pushImage('public/arm', 'lone', { platforms: ['linux/arm64'] })
  await registry.pushImage('team/app', '1')
  const projects = [
    { name: 'public', public: true },
    { name: 'team', public: false },
  ]
  proxy = await startHarborProxy({ registry: registry.url, projects, users: { robot: 'secret' } })
  hub = await startHarborProxy({ registry: registry.url, projects: [], flavour: 'hub' })
  writeHostsDir(hostsDir, { 'harbor.od.com': proxy.url, 'docker.io': hub.url })
  kubelet = await startFakeKubelet({
    kubeconfig: cluster.plane.kubeconfig,
    nodes: ['node-1', { name: 'node-2', labels: { disk: 'ssd' } }],
    hostsDir,
    timing: { crashAfterMs: 200, crashBackoffMs: 200 },
  })
}, 180_000)

afterAll(async () => {
  await kubelet?.stop()
  await proxy?.down()
  await hub?.down()
  await registry?.down()
  rmSync(hostsDir, { recursive: true, force: true })
})

const createPod = async (namespace: string, spec: object, labels = {}): Promise<void> => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', labels }, spec }
  await cluster.applyYaml(JSON.stringify(pod), { namespace })
}

const runImage = async (image: string): Promise<string> => {
  const namespace = await cluster.namespace()
  await createPod(namespace, { containers: [{ name: 'main', image }] })
  return namespace
}

const podIn = async (namespace: string): Promise<Pod> => {
  const pod = await cluster.get<Pod>('pod', 'pod', '-n', namespace)
  expect(pod.status.containerStatuses).toBeDefined()
  return pod
}

const mainOf = async (namespace: string): Promise<Status> => {
  const main = (await podIn(namespace)).status.containerStatuses.find(({ name }) => name === 'main')
  if (!main) throw new Error('no status of container main')
  return main
}

const MESSAGES: [image: string, message: string | RegExp][] = [
  [
    'harbor.od.com/k8s/coredns:1.6.1',
    /failed to resolve reference "harbor.od.com\/k8s\/coredns:1.6.1": pulling from host 127.0.0.1:\d+ failed with status code \[manifests 1.6.1\]: 401 Unauthorized$/,
  ],
  [
    'harbor.od.com/public/coredns:9',
    /^rpc error: code = NotFound desc = .*harbor.od.com\/public\/coredns:9: not found$/,
  ],
  ['harbor.od.com/public/arm:1', /no match for platform in manifest: not found$/],
  ['harbor.od.com/team/app:1', /pull access denied.*authorization failed: no basic auth credentials$/],
  ['nickchase/rss-php-ngnix:v1', /server message: insufficient_scope: authorization failed$/],
  ['nowhere.example/app:1', /lookup nowhere.example on .*: no such host$/],
]

describe('the fake kubelet', () => {
  for (const [image, message] of MESSAGES) {
    it(`reports of ${image} what the registry answered, with containerd's message`, async () => {
      const namespace = await runImage(image)
      const why = await eventually(async () => {
        const { waiting } = (await mainOf(namespace)).state
        expect(waiting?.reason).toBe('ErrImagePull')
        return waiting?.message ?? ''
      })
      expect(why).toMatch(message)
      await eventually(async () => {
        const { waiting } = (await mainOf(namespace)).state
        expect(waiting).toEqual({
          reason: 'ImagePullBackOff',
          message: `Back-off pulling image "${image}": ErrImagePull: ${why}`,
        })
      })
      const { phase, conditions } = (await podIn(namespace)).status
      expect(phase).toBe('Pending')
      expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({
        status: 'False',
        message: 'containers with unready status: [main]',
      })
    })
  }

  it('counts its Events, which name the container of the pod', async () => {
    const namespace = await runImage('harbor.od.com/k8s/coredns:1.6.1')
    const { uid } = (await eventually(() => podIn(namespace))).metadata
    await eventually(async () => {
      const { items } = await cluster.get<{ items: Event[] }>('events', '-n', namespace)
      const failed = items.filter(({ reason }) => reason === 'Failed')
      expect(failed).toHaveLength(3)
      expect(failed.map(({ message }) => message.slice(0, 24)).toSorted()).toEqual([
        'Error: ErrImagePull',
        'Error: ImagePullBackOff',
        'Failed to pull image "ha',
      ])
      for (const { count, involvedObject, source, type } of failed) {
        expect(count).toBeGreaterThan(1)
        expect(type).toBe('Warning')
        expect(source.component).toBe('kubelet')
        expect(involvedObject).toMatchObject({ uid, fieldPath: 'spec.containers{main}' })
      }
    })
  })

  it('runs what can be pulled, with the digest that the registry gave', async () => {
    const namespace = await runImage('harbor.od.com/public/coredns:1.6.1')
    await eventually(async () => {
      expect(await mainOf(namespace)).toMatchObject({
        ready: true,
        restartCount: 0,
        imageID: `harbor.od.com/public/coredns@${digest}`,
        state: { running: {} },
      })
    })
    expect((await podIn(namespace)).status.phase).toBe('Running')
  })

  it('pulls from a private project with the secret of the pod', async () => {
    const namespace = await cluster.namespace()
    const login = ['--docker-server=harbor.od.com', '--docker-username=robot', '--docker-password=secret']
    await cluster.kubectl(['create', 'secret', 'docker-registry', 'pull', ...login, '-n', namespace])
    const containers = [{ name: 'main', image: 'harbor.od.com/team/app:1' }]
    await createPod(namespace, { containers, imagePullSecrets: [{ name: 'pull' }] })
    await eventually(async () => expect((await mainOf(namespace)).ready).toBe(true))
  })

  it('leaves a pod pending while one of two containers waits, and follows a change of its image', async () => {
    const namespace = await cluster.namespace()
    await createPod(namespace, {
      containers: [
        { name: 'main', image: 'healthy.test/nginx:1' },
        { name: 'site', image: 'nickchase/rss-php-ngnix:v1' },
      ],
    })
    await eventually(async () => {
      const { phase, containerStatuses } = (await podIn(namespace)).status
      expect(phase).toBe('Pending')
      expect(containerStatuses.map(({ ready }) => ready)).toEqual([true, false])
      expect(containerStatuses[1]?.state.waiting?.reason).toBe('ImagePullBackOff')
    })
    await cluster.kubectl(['set', 'image', 'pod/pod', 'site=harbor.od.com/public/coredns:1.6.1', '-n', namespace])
    await eventually(async () => expect((await podIn(namespace)).status.phase).toBe('Running'))
  })

  it('starts no container before the init containers are done', async () => {
    const namespace = await cluster.namespace()
    await createPod(namespace, {
      initContainers: [{ name: 'first', image: 'harbor.od.com/k8s/init:1' }],
      containers: [{ name: 'main', image: 'healthy.test/app:1' }],
    })
    await eventually(async () => {
      const { initContainerStatuses, containerStatuses } = (await podIn(namespace)).status
      expect(initContainerStatuses?.[0]?.state.waiting?.reason).toBe('ImagePullBackOff')
      expect(containerStatuses[0]?.state.waiting).toEqual({ reason: 'PodInitializing' })
    })
    await cluster.kubectl(['set', 'image', 'pod/pod', 'first=harbor.od.com/public/coredns:1.6.1', '-n', namespace])
    await eventually(async () => {
      const { phase, initContainerStatuses } = (await podIn(namespace)).status
      expect(phase).toBe('Running')
      expect(initContainerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
    })
  })

  for (const image of ['crash.test/app:1', 'harbor.od.com/public/arm:lone']) {
    it(`restarts ${image} with growing back-off`, async () => {
      const namespace = await runImage(image)
      await eventually(async () => {
        const { state, restartCount } = await mainOf(namespace)
        expect(restartCount).toBeGreaterThanOrEqual(2)
        expect(state.waiting?.reason).toBe('CrashLoopBackOff')
      })
      expect((await podIn(namespace)).status.phase).toBe('Running')
    })
  }

  it('runs auto-run pods without asking anyone', async () => {
    const namespace = await cluster.namespace()
    const spec = { containers: [{ name: 'main', image: 'nowhere.example/app:1' }] }
    await createPod(namespace, spec, { [AUTO_RUN_LABEL]: 'true' })
    await eventually(async () => expect((await podIn(namespace)).status.phase).toBe('Running'))
  })

  it('binds a pod to a node that its selector allows, and a DaemonSet to every node', async () => {
    const namespace = await cluster.namespace()
    const containers = [{ name: 'main', image: 'healthy.test/app:1' }]
    await createPod(namespace, { containers, nodeSelector: { disk: 'ssd' } })
    await eventually(async () => expect((await podIn(namespace)).spec.nodeName).toBe('node-2'))
    const labels = { app: 'ds' }
    const template = { metadata: { labels }, spec: { containers } }
    const set = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'ds' } }
    await cluster.applyYaml(JSON.stringify({ ...set, spec: { selector: { matchLabels: labels }, template } }), {
      namespace,
    })
    await eventually(async () => {
      const { items } = await cluster.get<{ items: Pod[] }>('pods', '-l', 'app=ds', '-n', namespace)
      expect(items.map(({ spec }) => spec.nodeName).toSorted()).toEqual(['node-1', 'node-2'])
    })
  })

  it('finishes a Job, and the deletion of a pod', async () => {
    const namespace = await cluster.namespace()
    await cluster.kubectl(['create', 'job', 'job', '--image=healthy.test/app:1', '-n', namespace])
    await cluster.kubectl(['wait', '--for=condition=complete', 'job/job', '--timeout=15s', '-n', namespace])
    await createPod(namespace, { containers: [{ name: 'main', image: 'healthy.test/app:1' }] })
    await eventually(async () => expect((await mainOf(namespace)).ready).toBe(true))
    await cluster.kubectl(['delete', 'pod', 'pod', '--timeout=10s', '-n', namespace])
  })

  it('gives no reason in a back-off as an older kubelet, and has the messages of Docker', async () => {
    const older = await startFakeKubelet({
      kubeconfig: cluster.plane.kubeconfig,
      nodes: ['node-old'],
      hostsDir,
      runtime: 'docker',
      legacyMessages: true,
      binds: false,
    })
    try {
      const namespace = await cluster.namespace()
      const containers = [{ name: 'main', image: 'harbor.od.com/k8s/coredns:1.6.1' }]
      await createPod(namespace, { containers, nodeName: 'node-old' })
      const seen = new Set<string>()
      await eventually(
        async () => {
          seen.add((await mainOf(namespace)).state.waiting?.message ?? '')
          expect(seen).toContain('Back-off pulling image "harbor.od.com/k8s/coredns:1.6.1"')
          expect(seen).toContain(
            'rpc error: code = Unknown desc = Error response from daemon: unauthorized: project not found, name: k8s: project not found, name: k8s',
          )
        },
        { everyMs: 50 },
      )
    } finally {
      await older.stop()
    }
  })
})

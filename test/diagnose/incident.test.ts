import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { conclude } from '../../src/diagnose/conclude.ts'
import { createGather } from '../../src/diagnose/gather.ts'
import { buildIncident } from '../../src/diagnose/incident.ts'
import { readOwner } from '../../src/diagnose/owner/owner-chain.ts'
import { detectPodFailures } from '../../src/diagnose/pod/findings.ts'
import { createRegistry, type Registry } from '../../src/diagnose/registry/registry.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { Pod } from '../../src/model/kubernetes.ts'
import type { WarningEvent } from '../../src/watch/pod-cache.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { type HarborProxy, startHarborProxy } from '../../testbed/registry/harbor-proxy.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { type Registry as Distribution, startRegistry } from '../../testbed/registry/registry.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let client: KubeClient
let ns: string
let directory: string
let registry: Registry
let distribution: Distribution
const proxies: HarborProxy[] = []

beforeAll(async () => {
  client = await clientOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('incident')
  directory = await mkdtemp(join(tmpdir(), 'hosts-'))
  distribution = await startRegistry()
  await distribution.pushImage('public/coredns', '1.6.1', { platforms: ['linux/amd64', 'linux/arm64'] })
  await distribution.pushImage('nickchase/rss-php-nginx', 'v1')
  const { url } = distribution
  const harbor = await startHarborProxy({ registry: url, projects: [{ name: 'public', public: true }] })
  const hub = await startHarborProxy({ registry: url, flavour: 'hub', projects: [{ name: 'nickchase', public: true }] })
  proxies.push(harbor, hub)
  writeHostsDir(directory, { 'harbor.od.com': harbor.url, 'docker.io': hub.url })
  registry = createRegistry({ certsDirectory: directory })
})
afterAll(async () => {
  registry.close()
  await Promise.all([...proxies.map((proxy) => proxy.down()), distribution.down()])
  await rm(directory, { recursive: true })
})

/** The kubelet's hand on a pod's status. */
const waits = async (
  name: string,
  waiting: Readonly<Record<string, { reason: string; message: string } | undefined>>,
) => {
  const containerStatuses = Object.entries(waiting).map(([container, why]) => ({
    name: container,
    image: 'x',
    imageID: '',
    ready: why === undefined,
    restartCount: 0,
    state: why === undefined ? { running: {} } : { waiting: why },
  }))
  const patch = JSON.stringify({ status: { phase: 'Pending', containerStatuses } })
  await cluster.kubectl(['patch', 'pod', name, '-n', ns, '--subresource=status', '--type=merge', '-p', patch])
  return cluster.get<Pod>('pod', name, '-n', ns)
}

const diagnose = async (pod: Pod, image: string, words: readonly WarningEvent[] = []) => {
  const owner = await readOwner(pod, client)
  const failing = detectPodFailures(pod, words, Date.now())
  const incident = buildIncident({ owner, area: 'image', pods: [failing] })
  const before = conclude(incident, { registry: {} })
  const facts = await createGather({ reads: client, registry })(incident, [{ fact: 'registry', image }], {
    registry: {},
  })
  return { before, after: conclude(incident, facts) }
}

const COREDNS = 'harbor.od.com/k8s/coredns:1.6.1'

test('incident A: a 401 turns out to be a project that is not there', async () => {
  const template = {
    metadata: { labels: { app: 'coredns' } },
    spec: { containers: [{ name: 'coredns', image: COREDNS }] },
  }
  const spec = { replicas: 1, selector: { matchLabels: { app: 'coredns' } }, template }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'coredns' }, spec }
  await cluster.applyYaml(JSON.stringify(deployment), { namespace: ns })
  const name = await eventually(async () => {
    const { items } = await cluster.get<{ items: Pod[] }>('pods', '-n', ns, '-l', 'app=coredns')
    return (items[0] as Pod).metadata.name
  })
  const said = `failed to pull and unpack image "${COREDNS}": failed to resolve reference "${COREDNS}": pulling from host harbor.od.com failed with status code [manifests 1.6.1]: 401 Unauthorized`
  const pod = await waits(name, { coredns: { reason: 'ErrImagePull', message: said } })

  const { before, after } = await diagnose(pod, COREDNS)
  expect(before).toMatchObject({ cause: 'Unauthorized', findings: [{ source: 'kubelet' }] })
  expect(after).toMatchObject({ cause: 'ProjectNotFound', findings: [{ source: 'registry', possibleCauses: [] }] })
  expect(after.evidence.map(({ fact }) => fact)).toEqual(['PodStatus', 'Owner', 'PullSecrets', 'Registry'])
  expect(after.evidence.at(-1)?.message).toContain('project not found, name: k8s')
  expect(after.permanentFix).toContain(`the manifest that Deployment ${ns}/coredns was applied from`)
})

test('incident D: wrong name or missing credentials stays open if the registry does not distinguish them', async () => {
  const image = 'nickchase/rss-php-ngnix:v1'
  const spec = {
    containers: [
      { name: 'nginx', image: 'nginx:1' },
      { name: 'rss', image },
    ],
  }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'rss-site' }, spec }
  await cluster.applyYaml(JSON.stringify(pod), { namespace: ns })
  const back = { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` }
  const seen = await waits('rss-site', { nginx: undefined, rss: back })
  const word: WarningEvent = {
    reason: 'Failed',
    message: `Failed to pull image "${image}": rpc error: code = Unknown desc = Error response from daemon: pull access denied for nickchase/rss-php-ngnix, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    reporter: 'kubelet',
    lastSeen: Date.now(),
  }

  const { before, after } = await diagnose(seen, image, [word])
  expect(before).toMatchObject({
    cause: 'RepositoryNotFoundOrDenied',
    findings: [{ container: 'rss', source: 'event' }],
  })
  expect(after).toMatchObject({
    cause: 'RepositoryNotFoundOrDenied',
    findings: [{ container: 'rss', source: 'event' }],
  })
  const said = after.evidence.map(({ fact, message }) => `${fact}: ${message}`).join('\n')
  expect(said).toContain('PullSecrets: the pod names no pull secret')
  expect(said).toContain('are not visible from here')
  const meant = await registry.ask('nickchase/rss-php-nginx:v1', [])
  expect(meant).toMatchObject({ kind: 'exists', platforms: ['linux/amd64'] })
})

test('a forged Event does not refute an image that exists', async () => {
  const image = 'harbor.od.com/public/coredns:1.6.1'
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'slow' },
    spec: { containers: [{ name: 'c', image }] },
  }
  await cluster.applyYaml(JSON.stringify(pod), { namespace: ns })
  const seen = await waits('slow', { c: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } })
  const message = `Failed to pull image "${image}": unauthorized: project not found, name: public`
  const { after } = await diagnose(seen, image, [
    { reason: 'Failed', message, reporter: 'somebody', lastSeen: Date.now() },
  ])
  expect(after.findings).toMatchObject([{ source: 'event', possibleCauses: [] }])
  expect(after.evidence.at(-1)?.message).toContain('only an Event reports otherwise')
})

import { expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { HOST, NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { barePod, deployment } from './objects.ts'

const fixture = useFixture()

const ANY = (namespace: string) => ({
  match: {
    causes: [
      'ProjectNotFound',
      'RepositoryNotFoundOrDenied',
      'ManifestNotFound',
      'Unauthorized',
      'InvalidImageName',
      'Unknown',
    ],
    namespaces: [namespace],
    failingFor: '0s',
  },
})

/** After all the odd ones: the loop goes on. */
const expectAlive = async (): Promise<void> => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(fixture.controller.logs.filter(({ message }) => message.endsWith('run failed'))).toEqual([])
}

const ODD: readonly (readonly [what: string, image: string])[] = [
  ['of four thousand letters', `${OLD}/${'a'.repeat(4_000)}:1`],
  ['with capitals in its path', `${OLD}/Web:1`],
  ['with letters of another alphabet', `${OLD}/wéb-имя:1`],
  ['with a tag that is none', `${OLD}/web:1:2`],
  ['with a digest that is none', `${OLD}/web@sha256:1234`],
  ['that is only a scheme', 'https://harbor.od.com/k8s/web:1'],
]

for (const [what, image] of ODD) {
  test.concurrent(`an image ${what} is told of and not touched`, async () => {
    const namespace = await fixture.cluster.namespace()
    await fixture.policy(namespace, ANY(namespace))
    await fixture.apply(deployment(namespace, { image }))
    const { status, spec } = await fixture.record(namespace, { phase: 'Held' })
    expect(status?.message).toMatch(/\w+ \w+/)
    expect(spec.target.kind).toBe('Deployment')
    expect(fixture.writes(namespace)).toEqual([])
  })
}

test.concurrent('an image with a port in its registry is repaired by a rule that names the port, and by no other', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ from: `${HOST}:5000/k8s/`, to: `${NEW}/` }]
  const causes = ['RegistryDNSFailure', 'RegistryUnreachable', ...ANY(namespace).match.causes]
  await fixture.policy(namespace, {
    match: { ...ANY(namespace).match, causes },
    actions: [{ type: 'RewriteImage', rewriteImage: { rules } }],
  })
  await fixture.apply(deployment(namespace, { image: `${HOST}:5000/k8s/web:1` }))
  await fixture.record(namespace, { phase: 'Succeeded' })
  const { spec } = await fixture.workload('Deployment', namespace)
  expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)

  const other = await fixture.cluster.namespace()
  await fixture.policy(other, { match: { ...ANY(other).match, causes } })
  await fixture.apply(deployment(other, { image: `${HOST}:5000/k8s/web:1` }))
  const { status } = await fixture.record(other, { phase: 'Held' })
  expect(status?.message).toContain('no rewrite rule applies')
})

test.concurrent('an image that is named by tag and digest keeps both', async () => {
  const { digest } = await fixture.registry.pushImage('public/both', '1')
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/both:1@${digest}` }))
  await fixture.record(namespace, { phase: 'Succeeded' })
  const { spec } = await fixture.workload('Deployment', namespace)
  expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/both:1@${digest}`)
})

const eventAbout = (namespace: string, name: string, pod: object): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace },
  type: 'Warning',
  reason: 'Failed',
  message: `Failed to pull image "${OLD}/web:1": unauthorized: project not found, name: k8s`,
  involvedObject: { kind: 'Pod', namespace, ...pod },
  source: { component: 'kubelet' },
  lastTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
})

test.concurrent('Events about pods that have no node, no status, no owner or are not there do not stop it', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, ANY(namespace))
  const gated = barePod(namespace, { name: 'gated', podSpec: { schedulingGates: [{ name: 'example.com/wait' }] } })
  await fixture.apply(gated)
  const { metadata } = await fixture.cluster.get<{ metadata: { uid: string } }>('pod', 'gated', '-n', namespace)
  await fixture.apply(eventAbout(namespace, 'gated', { name: 'gated', uid: metadata.uid }))
  await fixture.cluster.kubectl([
    'patch',
    'pod',
    'gated',
    '-n',
    namespace,
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":null}',
  ])
  await fixture.apply(eventAbout(namespace, 'gone', { name: 'gone', uid: 'no-such-uid' }))
  await fixture.apply(eventAbout(namespace, 'nameless', {}))
  await fixture.apply(eventAbout(namespace, 'odd-name', { name: '../../secrets/x', uid: 'odd' }))
  await expectAlive()
  expect(fixture.writes(namespace)).toEqual([])
  expect(await fixture.records(namespace)).toEqual([])
})

test.concurrent('pull secrets that are missing, empty or of another kind are said to be so', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const secret = (name: string, data: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    data,
  })
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  await fixture.apply(secret('empty', {}))
  await fixture.apply(secret('list', { '.dockerconfigjson': base64('[1, 2]') }))
  await fixture.apply(secret('bytes', { '.dockercfg': Buffer.from([0xff, 0x00, 0xfe]).toString('base64') }))
  const imagePullSecrets = ['missing', 'empty', 'list', 'bytes'].map((name) => ({ name }))
  await fixture.apply(deployment(namespace, { podSpec: { imagePullSecrets } }))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  const told = status?.evidence?.filter(({ fact }) => fact === 'PullSecrets').map(({ message }) => message) ?? []
  for (const name of ['missing', 'empty', 'list', 'bytes']) expect(told.join('\n')).toContain(name)
})

test('a template that changes during the incident is evaluated again', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/nowhere:1` }))
  await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
  await fixture.cluster.kubectl(['set', 'image', 'deployment/web', `web=${OLD}/web:1`, '-n', namespace])
  await eventually(async () => {
    const { spec } = await fixture.workload('Deployment', namespace)
    expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
  }, PATIENTLY)
  await eventually(async () => {
    const all = await fixture.records(namespace)
    expect(all.map(({ status }) => status?.phase)).toContain('Succeeded')
  }, PATIENTLY)
})

test('after all of that it still repairs', expectAlive)

import { expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { HOST, NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture({ nodes: ['node-1', { name: 'arm-1', arch: 'arm64' }] })

const ON_ARM = { nodeSelector: { 'kubernetes.io/arch': 'arm64' } }
const ON_AMD = { nodeSelector: { 'kubernetes.io/arch': 'amd64' } }

const pullSecret = (namespace: string, data: string, name = 'pull'): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': Buffer.from(data).toString('base64') },
})

const imageOf = async (namespace: string): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace)).spec?.template?.spec?.containers?.[0]?.image

test('a private target is found with the pod’s own pull secret', async () => {
  await fixture.registry.pushImage('team/app', '1')
  const namespace = await fixture.cluster.namespace()
  const auth = Buffer.from('robot:secret').toString('base64')
  await fixture.apply(pullSecret(namespace, JSON.stringify({ auths: { [HOST]: { auth } } })))
  const rules = [{ from: `${OLD}/`, to: `${HOST}/team/` }]
  await fixture.policy(namespace, { actions: [{ type: 'RewriteImage', rewriteImage: { rules } }] })
  const imagePullSecrets = [{ name: 'pull' }]
  await fixture.apply(deployment(namespace, { image: `${OLD}/app:1`, podSpec: { imagePullSecrets, ...ON_AMD } }))
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(await imageOf(namespace)).toBe(`${HOST}/team/app:1`)
  expect(JSON.stringify(await fixture.records(namespace))).not.toContain(auth)
})

test('a private target is held when the pod has no pull secret, and the record says so', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ from: `${OLD}/`, to: `${HOST}/team/` }]
  await fixture.policy(namespace, { actions: [{ type: 'RewriteImage', rewriteImage: { rules } }] })
  await fixture.apply(deployment(namespace, { image: `${OLD}/app:1`, podSpec: ON_AMD }))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
  expect(status?.message).toContain('no pull secret')
  expect(fixture.writes(namespace)).toEqual([])
})

test('a pull secret that is not JSON is said to be so, and the target is asked for without it', async () => {
  const namespace = await fixture.cluster.namespace()
  // The API server refuses such a secret of this type; an older one, or one of another type, gets through.
  const secret = { ...pullSecret(namespace, 'no JSON {', 'bad'), type: 'Opaque' }
  await fixture.apply(secret)
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { podSpec: { imagePullSecrets: [{ name: 'bad' }], ...ON_AMD } }))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(JSON.stringify(status?.evidence)).toContain('bad')
  expect(await imageOf(namespace)).toBe(`${NEW}/web:1`)
})

test('an image for several platforms is there for the node’s', async () => {
  await fixture.registry.pushImage('public/multi', '1', { platforms: ['linux/amd64', 'linux/arm64'] })
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/multi:1`, podSpec: ON_ARM }))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(JSON.stringify(status?.evidence)).toContain('linux/arm64')
  expect(await imageOf(namespace)).toBe(`${NEW}/multi:1`)
})

test('a target for another platform than the node’s is held', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { podSpec: ON_ARM }))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
  expect(status?.message).toContain('linux/arm64')
  expect(fixture.writes(namespace)).toEqual([])
})

test('a target that the registry does not have is held', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/nowhere:1`, podSpec: ON_AMD }))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
  expect(status?.message).toContain(`${NEW}/nowhere:1`)
  expect(fixture.writes(namespace)).toEqual([])
  const metrics = await fixture.controller.metrics()
  expect(metrics).toContain(`podmend_held_total{policy="${namespace}",reason="TargetUnverified"} 1`)
})

test('an image pinned to a digest is repaired where the target has that digest, and held where it has not', async () => {
  const { digest } = await fixture.registry.pushImage('public/pinned', '1')
  const [same, other] = [await fixture.cluster.namespace(), await fixture.cluster.namespace()]
  for (const namespace of [same, other]) await fixture.policy(namespace)
  await fixture.apply(deployment(same, { image: `${OLD}/pinned@${digest}`, podSpec: ON_AMD }))
  const unknown = `sha256:${'1'.repeat(64)}`
  await fixture.apply(deployment(other, { image: `${OLD}/pinned@${unknown}`, podSpec: ON_AMD }))
  await fixture.record(same, { phase: 'Succeeded' })
  expect(await imageOf(same)).toBe(`${NEW}/pinned@${digest}`)
  await fixture.record(other, { phase: 'Held', reason: 'TargetUnverified' })
  expect(await imageOf(other)).toBe(`${OLD}/pinned@${unknown}`)
})

test('a registry that limits requests is waited for, and the repair follows', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/web:1`, podSpec: ON_AMD, replicas: 0 }))
  await fixture.registry.pushImage('public/limited', '1')
  await fixture.proxy.setMode('rate-limited')
  try {
    const limited = deployment(namespace, { name: 'limited', image: `${OLD}/limited:1`, podSpec: ON_AMD })
    await fixture.policy(namespace, {
      match: { causes: ['RateLimited', 'ProjectNotFound', 'Unauthorized'], namespaces: [namespace], failingFor: '0s' },
    })
    await fixture.apply(limited)
    const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
    expect(status?.message).toContain('limit')
    expect(fixture.writes(namespace)).toEqual([])
  } finally {
    await fixture.proxy.setMode('ok')
  }
  await fixture.record(namespace, { phase: 'Succeeded' })
})

test('a registry that is down holds the repair, which follows once it is up again', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.registry.pushImage('public/down', '1')
  await fixture.policy(namespace, {
    match: {
      causes: ['RegistryUnreachable', 'ProjectNotFound', 'Unauthorized'],
      namespaces: [namespace],
      failingFor: '0s',
    },
  })
  await fixture.proxy.setMode('down')
  try {
    await fixture.apply(deployment(namespace, { image: `${OLD}/down:1`, podSpec: ON_AMD }))
    const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
    expect(status?.message).toContain('cannot be reached')
    expect(fixture.writes(namespace)).toEqual([])
  } finally {
    await fixture.proxy.setMode('ok')
  }
  await fixture.record(namespace, { phase: 'Succeeded' }, { ...PATIENTLY, timeoutMs: 60_000 })
  await eventually(async () => expect(await imageOf(namespace)).toBe(`${NEW}/down:1`))
})

import { expect, test } from 'vitest'
import { NEW, OLD, useFixture } from './fixture.ts'
import { deployment, type Parts } from './objects.ts'

const fixture = useFixture()

const imageOf = async (namespace: string, name = 'web'): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace, name)).spec?.template?.spec?.containers?.[0]?.image

/** A namespace with a policy and a Deployment that it would repair. */
const broken = async (parts: Parts = {}, policy: object = {}): Promise<string> => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, policy)
  await fixture.apply(deployment(namespace, parts))
  return namespace
}

const expectHeld = async (namespace: string, reason: string, says: string): Promise<void> => {
  const { status } = await fixture.record(namespace, { phase: 'Held', reason })
  expect(status?.message).toContain(says)
  expect(await imageOf(namespace)).toBe(`${OLD}/web:1`)
  expect(fixture.writes(namespace)).toEqual([])
}

test.concurrent('kube-system is left alone by a policy that does not name it', async () => {
  const match = { causes: ['ProjectNotFound', 'Unauthorized'], images: [`${OLD}/protected:*`], failingFor: '0s' }
  await fixture.policy('unnamed', { match })
  await fixture.apply(deployment('kube-system', { name: 'protected', image: `${OLD}/protected:1` }))
  const { status } = await fixture.record('kube-system', { phase: 'Held', reason: 'NamespaceProtected' })
  expect(status?.message).toContain('kube-system')
  expect(await imageOf('kube-system', 'protected')).toBe(`${OLD}/protected:1`)
  expect(fixture.writes('kube-system')).toEqual([])
})

test.concurrent('what Argo CD manages is held, and the record names the Application', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const annotations = { 'argocd.argoproj.io/tracking-id': `shop:apps/Deployment:${namespace}/web` }
  await fixture.apply(deployment(namespace, { annotations }))
  await expectHeld(namespace, 'ManagedElsewhere', 'Argo CD Application shop')
})

test.concurrent('what Flux manages is held, and the record names the Kustomization', async () => {
  const labels = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }
  await expectHeld(await broken({ labels }), 'ManagedElsewhere', 'Flux Kustomization flux-system/apps')
})

test.concurrent('what Argo CD manages is repaired where the policy says to act', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { managedWorkloads: 'Act' })
  const annotations = { 'argocd.argoproj.io/tracking-id': `shop:apps/Deployment:${namespace}/web` }
  await fixture.apply(deployment(namespace, { annotations }))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.permanentFix).toContain('Argo CD Application shop')
})

test.concurrent('what Helm made is repaired, and the record says that the next upgrade must carry it', async () => {
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' }
  const annotations = { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': 'sales' }
  const namespace = await broken({ labels, annotations })
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.permanentFix).toContain('Helm release sales/shop')
  expect(status?.permanentFix).toContain('upgrade')
  expect(await imageOf(namespace)).toBe(`${NEW}/web:1`)
})

const EXCLUDE = { 'podmend.io/exclude': 'true' }

test.concurrent('a pod that opted out is left alone', async () => {
  await expectHeld(await broken({ podAnnotations: EXCLUDE }), 'OptedOut', 'podmend.io/exclude')
})

test.concurrent('an owner that opted out is left alone', async () => {
  await expectHeld(await broken({ annotations: EXCLUDE }), 'OptedOut', 'Deployment')
})

test.concurrent.each(['true', 'True'])('a namespace that opted out (%s) is left alone', async (value) => {
  const namespace = await fixture.cluster.namespace()
  await fixture.cluster.kubectl(['annotate', 'namespace', namespace, `podmend.io/exclude=${value}`])
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  await expectHeld(namespace, 'OptedOut', namespace)
})

test.concurrent('a policy that observes shows the diff and writes nothing', async () => {
  const namespace = await broken({}, { mode: 'Observe' })
  const { status } = await fixture.record(namespace, { phase: 'Observed', reason: 'ObserveOnly' })
  expect(status?.steps).toMatchObject([{ state: 'Planned', changes: [{ to: `${NEW}/web:1` }] }])
  expect(status?.steps?.[0]?.diff).toContain(`${NEW}/web:1`)
  expect(fixture.writes(namespace)).toEqual([])
})

test.concurrent('a policy that is suspended holds, and acts once it is resumed', async () => {
  const namespace = await broken({}, { suspend: true })
  await expectHeld(namespace, 'PolicySuspended', 'suspended')
  await fixture.policy(namespace, { suspend: false })
  await fixture.record(namespace, { phase: 'Succeeded' })
})

test.concurrent('failures are left alone until they have lasted as long as the policy waits', async () => {
  const match = { causes: ['ProjectNotFound', 'Unauthorized'], failingFor: '8s' }
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { match: { ...match, namespaces: [namespace] } })
  await fixture.apply(deployment(namespace))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  // Times of objects are whole seconds, so the failure may be a second younger than it says.
  const failedFor = Date.parse(status?.steps?.[0]?.intendedAt ?? '') - Date.parse(status?.firstSeen ?? '')
  expect(failedFor).toBeGreaterThanOrEqual(7_000)
  const metrics = await fixture.controller.metrics()
  expect(metrics).toContain(`podmend_held_total{policy="${namespace}",reason="NotFailingLongEnough"} 1`)
})

test.concurrent('of two policies that answer to it the one of higher priority acts', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { mode: 'Observe' }, `${namespace}-observes`)
  await fixture.policy(namespace, { priority: 10 }, `${namespace}-acts`)
  await fixture.apply(deployment(namespace))
  const { spec } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(spec.policy.name).toBe(`${namespace}-acts`)
})

test.concurrent('a policy of higher priority without a rule for the image does not keep another from repairing it', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ from: 'quay.io/a/', to: 'quay.io/b/' }]
  const actions = [{ type: 'RewriteImage', rewriteImage: { rules } }]
  const match = { causes: ['ProjectNotFound', 'Unauthorized'], namespaces: [namespace], failingFor: '0s' }
  await fixture.policy(namespace, { priority: 10, match, actions }, `${namespace}-other`)
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  const { spec, status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.policy?.name).toBe(namespace)
  expect(spec.evidence?.filter(({ fact }) => fact === 'Policy').map(({ message }) => message)).toEqual([
    `policy ${namespace} applies; policy ${namespace}-other matches too, but none of its actions can repair this: ` +
      `no rewrite rule applies to ${OLD}/web:1`,
  ])
  expect(await imageOf(namespace)).toBe(`${NEW}/web:1`)
})

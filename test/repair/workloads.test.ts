import { describe, expect, test } from 'vitest'
import type { KubeEvent } from '../../src/model/kubernetes.ts'
import { eventually } from '../../testbed/fixture.ts'
import { testKubernetes } from '../../testbed/test-context.ts'
import { NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { barePod, daemonSet, deployment, statefulSet } from './objects.ts'

const fixture = useFixture()

const imagesOf = (pods: readonly { spec?: { containers?: readonly { image?: string }[] } }[]) =>
  pods.map(({ spec }) => spec?.containers?.map(({ image }) => image).join(' '))

test('incident A is repaired in place: the Deployment in kube-system has the new path, and the record shows it', async () => {
  const { digest } = await fixture.registry.pushImage('public/coredns', '1.6.1')
  await fixture.policy('kube-system')
  const broken = { name: 'coredns', image: `${OLD}/coredns:1.6.1` }
  await fixture.apply(
    deployment('kube-system', { ...broken, podSpec: { priorityClassName: 'system-cluster-critical' } }),
  )

  const { metadata, spec, status } = await fixture.record('kube-system', { phase: 'Succeeded' })
  expect(status).toMatchObject({ reason: 'Repaired', cause: 'ProjectNotFound', action: 'RewriteImage' })
  expect(status?.attempts).toHaveLength(1)
  expect(status?.steps).toHaveLength(1)
  expect(status?.steps?.[0]).toMatchObject({
    state: 'Succeeded',
    changes: [{ container: 'web', from: broken.image, to: `${NEW}/coredns:1.6.1`, digestAfter: digest }],
  })
  const diff = status?.steps?.[0]?.diff?.split('\n') ?? []
  expect(diff.find((line) => line.startsWith('-') && line.includes(broken.image))).toBeDefined()
  expect(diff.find((line) => line.startsWith('+') && line.includes(`${NEW}/coredns:1.6.1`))).toBeDefined()

  const repaired = await fixture.workload('Deployment', 'kube-system', 'coredns')
  expect(repaired.spec?.template?.spec?.containers?.map(({ image }) => image)).toEqual([`${NEW}/coredns:1.6.1`])
  expect(repaired.metadata.annotations?.['podmend.io/original-image']).toBe(JSON.stringify({ web: broken.image }))
  expect(spec.target).toMatchObject({ kind: 'Deployment', name: 'coredns', uid: repaired.metadata.uid })
  expect(fixture.writes('kube-system').map(({ verb, object }) => `${verb} ${object}`)).toEqual([
    'patch kube-system/coredns',
  ])

  await eventually(async () => {
    const events = await fixture.cluster.get<{ items: KubeEvent[] }>('events', '-n', 'kube-system')
    const ours = events.items.filter(({ involvedObject }) => involvedObject?.uid === repaired.metadata.uid)
    expect(ours.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['ImageRewritten', 'Repaired']))
    expect(ours.find(({ reason }) => reason === 'ImageRewritten')?.message).toContain(metadata.name)
  })
  const metrics = await fixture.controller.metrics()
  expect(metrics).toContain(
    'podmend_remediations_total{policy="kube-system",action="RewriteImage",result="Succeeded"} 1',
  )
  expect(metrics).toContain('podmend_incidents_total{cause="ProjectNotFound"}')
})

test.concurrent('a StatefulSet of three whose first pod is stuck is repaired, each stuck pod deleted once', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(statefulSet(namespace))
  await fixture.record(namespace, { phase: 'Succeeded' }, { ...PATIENTLY, timeoutMs: 60_000 })
  const pods = await fixture.pods(namespace)
  expect(imagesOf(pods)).toEqual([`${NEW}/web:1`, `${NEW}/web:1`, `${NEW}/web:1`])
  expect(fixture.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)).toEqual([
    `patch statefulsets.apps ${namespace}/web`,
    `delete pods ${namespace}/web-0`,
  ])
})

test.concurrent('a DaemonSet is repaired on every node', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(daemonSet(namespace))
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(imagesOf(await fixture.pods(namespace))).toEqual([`${NEW}/web:1`, `${NEW}/web:1`])
  expect(fixture.writes(namespace).map(({ verb, object }) => `${verb} ${object}`)).toEqual([`patch ${namespace}/web`])
})

test.concurrent('a bare pod keeps its life and gets the new image', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(barePod(namespace))
  const [before] = await fixture.pods(namespace)
  await fixture.record(namespace, { phase: 'Succeeded' })
  const after = await fixture.pods(namespace)
  expect(after.map(({ metadata }) => metadata.uid)).toEqual([before?.metadata.uid])
  expect(imagesOf(after)).toEqual([`${NEW}/web:1`])
})

test.concurrent('an init container that cannot be pulled is repaired, and what would start after it starts', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const initContainers = [{ name: 'init', image: `${OLD}/side:1` }]
  await fixture.apply(deployment(namespace, { image: `${NEW}/web:1`, podSpec: { initContainers } }))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.steps?.[0]?.changes).toMatchObject([{ container: 'init', init: true, to: `${NEW}/side:1` }])
  const { spec } = await fixture.workload('Deployment', namespace)
  expect(spec?.template?.spec?.initContainers?.[0]?.image).toBe(`${NEW}/side:1`)
  expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
})

test.concurrent('two failing containers are repaired by one write, and a third that runs is left as it is', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const containers = [
    { name: 'web', image: `${OLD}/web:1` },
    { name: 'side', image: `${OLD}/side:1` },
    { name: 'healthy', image: 'healthy.test/app:1' },
  ]
  await fixture.apply(deployment(namespace, { podSpec: { containers } }))
  await fixture.record(namespace, { phase: 'Succeeded' })
  const { spec, metadata } = await fixture.workload('Deployment', namespace)
  expect(spec?.template?.spec?.containers?.map(({ image }) => image)).toEqual([
    `${NEW}/web:1`,
    `${NEW}/side:1`,
    'healthy.test/app:1',
  ])
  expect(JSON.parse(metadata.annotations?.['podmend.io/original-image'] ?? '')).toEqual({
    web: `${OLD}/web:1`,
    side: `${OLD}/side:1`,
  })
  expect(fixture.writes(namespace)).toHaveLength(1)
})

/** Adds a container to every pod of the namespaces that are labelled for it. */
const injectSidecar = (label: string, image: string): object[] => {
  const metadata = { name: label }
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
  const group = 'admissionregistration.k8s.io/v1'
  const expression = `Object{spec: Object.spec{containers: [Object.spec.containers{name: "injected", image: "${image}"}]}}`
  return [
    {
      apiVersion: group,
      kind: 'MutatingAdmissionPolicy',
      metadata,
      spec: {
        matchConstraints: { resourceRules: [rule] },
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
      },
    },
    {
      apiVersion: group,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata,
      spec: {
        policyName: label,
        matchResources: { namespaceSelector: { matchLabels: { inject: label } } },
      },
    },
  ]
}

const injectedNamespace = async (label: string, image: string): Promise<string> => {
  for (const object of injectSidecar(label, image)) await fixture.apply(object)
  const namespace = await fixture.cluster.namespace()
  await fixture.cluster.kubectl(['label', 'namespace', namespace, `inject=${label}`])
  await eventually(async () => {
    const probe = ['run', 'probe', '--image=healthy.test/a:1', '--dry-run=server', '-n', namespace, '-o', 'json']
    expect(await fixture.cluster.kubectl(probe)).toContain('"injected"')
  })
  return namespace
}

// Admission policies that change objects, which play the injector here, have version v1 from Kubernetes 1.36 on.
describe.skipIf(testKubernetes() === '1.32')('a sidecar that admission injected', () => {
  test.concurrent('does not matter beside the failing container when it is healthy', async () => {
    const namespace = await injectedNamespace('healthy', 'healthy.test/sidecar:1')
    await fixture.policy(namespace)
    await fixture.apply(deployment(namespace))
    await fixture.record(namespace, { phase: 'Succeeded' })
    expect(imagesOf(await fixture.pods(namespace))).toContain(`${NEW}/web:1 healthy.test/sidecar:1`)
  })

  test.concurrent('is held when it fails: it does not stand in the template', async () => {
    const namespace = await injectedNamespace('broken', `${OLD}/side:1`)
    await fixture.policy(namespace)
    await fixture.apply(deployment(namespace, { image: `${NEW}/web:1` }))
    const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TemplateDiffers' })
    expect(status?.message).toContain('injected')
    expect(fixture.writes(namespace)).toEqual([])
  })
})

test.concurrent('pods of owners of an unknown kind are explained and not touched', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const pod = barePod(namespace) as { metadata: object }
  const controller = { apiVersion: 'example.com/v1', kind: 'Machine', name: 'm', uid: 'some-uid', controller: true }
  await fixture.apply({ ...pod, metadata: { ...pod.metadata, ownerReferences: [controller] } })
  const { status, spec } = await fixture.record(namespace, { phase: 'Held', reason: 'RolloutBlocked' })
  expect(spec.target.kind).toBe('Machine')
  expect(status?.message).toContain('Machine')
  expect(fixture.writes(namespace)).toEqual([])
})

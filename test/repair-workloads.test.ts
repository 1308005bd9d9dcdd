import { expect, test } from 'vitest'
import type { KubeEvent } from '../src/api/kubernetes.ts'
import { eventually } from '../testbed/fixture.ts'
import { barePod, daemonSet, deployment, statefulSet } from './repair-objects.ts'
import { NEW, OLD, PATIENTLY, useScene } from './repair-scene.ts'

const scene = useScene()

const imagesOf = (pods: readonly { spec?: { containers?: readonly { image?: string }[] } }[]) =>
  pods.map(({ spec }) => spec?.containers?.map(({ image }) => image).join(' '))

test('incident A is repaired in place: the Deployment in kube-system has the new path, and the record proves it', async () => {
  const { digest } = await scene.registry.pushImage('public/coredns', '1.6.1')
  await scene.policy('kube-system')
  const broken = { name: 'coredns', image: `${OLD}/coredns:1.6.1` }
  await scene.apply(deployment('kube-system', { ...broken, podSpec: { priorityClassName: 'system-cluster-critical' } }))

  const { metadata, spec, status } = await scene.record('kube-system', { phase: 'Succeeded' })
  expect(status).toMatchObject({ reason: 'Repaired', cause: 'ProjectNotFound', action: 'RewriteImage' })
  expect(status?.attempts).toHaveLength(1)
  expect(status?.steps).toHaveLength(1)
  expect(status?.steps?.[0]).toMatchObject({
    state: 'Succeeded',
    changes: [{ container: 'web', from: broken.image, to: `${NEW}/coredns:1.6.1`, digestAfter: digest }],
  })
  expect(status?.steps?.[0]?.diff).toContain(`+${' '.repeat(0)}`)
  expect(status?.steps?.[0]?.diff).toContain(`${NEW}/coredns:1.6.1`)

  const repaired = await scene.workload('deployment', 'kube-system', 'coredns')
  expect(repaired.spec?.template?.spec?.containers?.map(({ image }) => image)).toEqual([`${NEW}/coredns:1.6.1`])
  expect(repaired.metadata.annotations?.['kubemend.io/original-image']).toBe(JSON.stringify({ web: broken.image }))
  expect(spec.target).toMatchObject({ kind: 'Deployment', name: 'coredns', uid: repaired.metadata.uid })
  expect(scene.writes('kube-system').map(({ verb, object }) => `${verb} ${object}`)).toEqual([
    'patch kube-system/coredns',
  ])

  await eventually(async () => {
    const events = await scene.bed.get<{ items: KubeEvent[] }>('events', '-n', 'kube-system')
    const ours = events.items.filter(({ involvedObject }) => involvedObject?.uid === repaired.metadata.uid)
    expect(ours.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['ImageRewritten', 'Repaired']))
    expect(ours.find(({ reason }) => reason === 'ImageRewritten')?.message).toContain(metadata.name)
  })
  const metrics = await scene.controller.metrics()
  expect(metrics).toContain(
    'kubemend_remediations_total{policy="kube-system",action="RewriteImage",result="Succeeded"} 1',
  )
  expect(metrics).toContain('kubemend_incidents_total{cause="ProjectNotFound"}')
})

test.concurrent('a StatefulSet of three whose first pod is stuck is repaired, each stuck pod deleted once', async () => {
  const namespace = await scene.bed.namespace()
  await scene.policy(namespace)
  await scene.apply(statefulSet(namespace))
  await scene.record(namespace, { phase: 'Succeeded' }, { ...PATIENTLY, timeoutMs: 60_000 })
  const pods = await scene.pods(namespace)
  expect(imagesOf(pods)).toEqual([`${NEW}/web:1`, `${NEW}/web:1`, `${NEW}/web:1`])
  expect(scene.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)).toEqual([
    `patch statefulsets.apps ${namespace}/web`,
    `delete pods ${namespace}/web-0`,
  ])
})

test.concurrent('a DaemonSet is repaired on every node', async () => {
  const namespace = await scene.bed.namespace()
  await scene.policy(namespace)
  await scene.apply(daemonSet(namespace))
  await scene.record(namespace, { phase: 'Succeeded' })
  expect(imagesOf(await scene.pods(namespace))).toEqual([`${NEW}/web:1`, `${NEW}/web:1`])
  expect(scene.writes(namespace).map(({ verb, object }) => `${verb} ${object}`)).toEqual([`patch ${namespace}/web`])
})

test.concurrent('a bare pod keeps its life and gets the new image', async () => {
  const namespace = await scene.bed.namespace()
  await scene.policy(namespace)
  await scene.apply(barePod(namespace))
  const [before] = await scene.pods(namespace)
  await scene.record(namespace, { phase: 'Succeeded' })
  const after = await scene.pods(namespace)
  expect(after.map(({ metadata }) => metadata.uid)).toEqual([before?.metadata.uid])
  expect(imagesOf(after)).toEqual([`${NEW}/web:1`])
})

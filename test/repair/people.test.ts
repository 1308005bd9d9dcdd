import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { runMend } from '../cli/run-mend.ts'
import { NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { barePod, deployment } from './objects.ts'

const fixture = useFixture()

const imageOf = async (namespace: string): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace)).spec?.template?.spec?.containers?.[0]?.image

const setImage = (namespace: string, image: string): Promise<string> =>
  fixture.cluster.kubectl(['set', 'image', 'deployment/web', `web=${image}`, '-n', namespace])

test.each(['true', 'yes'])(
  'a person stops everything by an annotation (%s), and lets it go on by taking it off',
  async (value) => {
    const annotate = (text: string) =>
      fixture.cluster.kubectl(['annotate', '--overwrite', 'namespace', 'podmend-system', `podmend.io/paused${text}`])
    const namespace = await fixture.cluster.namespace()
    await annotate(`=${value}`)
    try {
      await fixture.policy(namespace)
      await fixture.apply(deployment(namespace))
      const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'OperatorPaused' })
      expect(status?.message).toContain('podmend.io/paused')
      expect(fixture.writes(namespace)).toEqual([])
    } finally {
      await annotate('-')
    }
    await fixture.record(namespace, { phase: 'Succeeded' })
    expect(await imageOf(namespace)).toBe(`${NEW}/web:1`)
  },
)

test.concurrent('a person who changes our value back is not fought, and the record names them', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { limits: { cooldown: '10s', maxAttempts: 5 } })
  await fixture.apply(deployment(namespace))
  await fixture.record(namespace, { phase: 'Succeeded' })
  await setImage(namespace, `${OLD}/web:1`)
  const held = await eventually(async () => {
    const all = await fixture.records(namespace)
    const record = all.find(({ status }) => status?.reason === 'EditReverted')
    if (!record) throw new Error(`no record says so: ${all.map(({ status }) => status?.reason).join(', ')}`)
    return record
  }, PATIENTLY)
  expect(held.status?.message).toContain('kubectl')
  expect(await imageOf(namespace)).toBe(`${OLD}/web:1`)
  expect(fixture.writes(namespace)).toHaveLength(1)
})

test.concurrent('an undo stands where the policy observed first, until the policy is changed again', async () => {
  const namespace = await fixture.cluster.namespace()
  const limits = { cooldown: '10s', maxAttempts: 5 }
  await fixture.policy(namespace, { mode: 'Observe', limits })
  await fixture.apply(deployment(namespace))
  await fixture.record(namespace, { phase: 'Observed' })
  await fixture.policy(namespace, { mode: 'Enforce', limits })
  const done = await fixture.record(namespace, { phase: 'Succeeded' })
  const environment = { KUBECONFIG: fixture.cluster.plane.kubeconfig }
  const undo = await runMend(['undo', `rem/${done.metadata.name}`, '-n', namespace], { environment })
  expect(undo).toMatchObject({ err: '', status: 0 })

  const held = await eventually(async () => {
    const all = await fixture.records(namespace)
    const record = all.find(({ status }) => status?.reason === 'EditReverted')
    if (!record) throw new Error(`no record says so: ${all.map(({ status }) => status?.reason).join(', ')}`)
    return record
  }, PATIENTLY)
  expect([held.status?.phase, held.metadata.uid === done.metadata.uid]).toEqual(['Held', false])
  expect(held.status?.message).toMatch(/^kubectl-mend at /)
  expect(held.status?.message).toContain(`change policy ${namespace} or delete Remediation ${done.metadata.name}`)
  const actedAt = Date.parse(done.status?.steps?.at(-1)?.actedAt ?? '')
  await setTimeout(Math.max(0, actedAt + 14_000 - Date.now()))
  expect(await imageOf(namespace)).toBe(`${OLD}/web:1`)
  expect(fixture.writes(namespace)).toHaveLength(1)

  await fixture.policy(namespace, { mode: 'Enforce', limits: { ...limits, maxAttempts: 4 } })
  await eventually(async () => expect(await imageOf(namespace)).toBe(`${NEW}/web:1`), PATIENTLY)
  const [first] = (await fixture.records(namespace)).filter(({ metadata }) => metadata.uid === done.metadata.uid)
  expect(first?.status).toEqual(done.status)
})

test.concurrent('a person who changes our value back while it is being proven is not fought either', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  // The new image is never ready: its proof is awaited when the person comes.
  await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
  await fixture.record(namespace, { phase: 'Verifying' })
  await setImage(namespace, 'healthy.test/app:1')
  const { status } = await fixture.record(namespace, { phase: 'Cancelled', reason: 'EditReverted' })
  expect(status?.message).toContain('kubectl')
  expect(await imageOf(namespace)).toBe('healthy.test/app:1')
  expect(fixture.writes(namespace)).toHaveLength(1)
})

test.concurrent('an Event alone, which anybody can write, never leads to an action', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: 'healthy.test/app:1' }))
  const pod = await eventually(async () => {
    const [first] = await fixture.pods(namespace)
    if (first?.status?.phase !== 'Running') throw new Error('it does not run yet')
    return first
  }, PATIENTLY)
  const image = `${OLD}/web:1`
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  await fixture.apply({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'forged', namespace },
    type: 'Warning',
    reason: 'Failed',
    message: `Failed to pull image "${image}": unauthorized: project not found, name: k8s: project not found, name: k8s`,
    involvedObject: {
      kind: 'Pod',
      namespace,
      name: pod.metadata.name,
      uid: pod.metadata.uid,
      fieldPath: 'spec.containers{web}',
    },
    source: { component: 'kubelet' },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  })
  // Another incident that comes later is repaired meanwhile: the forged one was looked at before.
  const control = await fixture.cluster.namespace()
  await fixture.policy(control)
  await fixture.apply(barePod(control))
  await fixture.record(control, { phase: 'Succeeded' })
  expect(fixture.writes(namespace)).toEqual([])
  expect(await imageOf(namespace)).toBe('healthy.test/app:1')
})

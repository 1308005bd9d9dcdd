import { expect, test } from 'vitest'
import type { RemediationPolicy } from '../../src/api/kinds.ts'
import { eventually } from '../../testbed/fixture.ts'
import { NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { barePod, deployment, statefulSet } from './objects.ts'

const fixture = useFixture()

const RULES = { rules: [{ from: `${OLD}/`, to: `${NEW}/` }] }
const QUICKLY = { type: 'RewriteImage', timeout: '5s', rewriteImage: RULES }
const RECYCLE = { type: 'RecyclePod', timeout: '5s', recyclePod: { method: 'Delete' } }

const imageOf = async (namespace: string): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace)).spec?.template?.spec?.containers?.[0]?.image

test.concurrent('a remedy that does not help is Ineffective, is kept, and a person is told', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { actions: [QUICKLY] })
  await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
  const { status } = await fixture.record(namespace, { phase: 'Ineffective', reason: 'DidNotHelp' })
  expect(status?.finishedAt).toBeDefined()
  expect(await imageOf(namespace)).toBe(`${NEW}/crashing:1`)
  expect(fixture.writes(namespace)).toHaveLength(1)
})

test.concurrent('a remedy that does not help is taken back where the policy says so, and all attempts are bounded', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, {
    actions: [QUICKLY],
    onIneffective: 'Undo',
    limits: { cooldown: '10s', maxAttempts: 2 },
  })
  await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
  const first = await fixture.record(namespace, { phase: 'Ineffective', reason: 'Undone' })
  expect(first.status?.steps?.map(({ state }) => state)).toEqual(['Ineffective', 'Undone'])
  await fixture.record(namespace, { reason: 'AttemptsSpent' }, { ...PATIENTLY, timeoutMs: 80_000 })
  // Each attempt has a record, which stays as it ended; one more waits for a person.
  const { name } = first.metadata
  const all = await fixture.records(namespace)
  expect(all.map(({ metadata, status }) => `${metadata.name} ${status?.phase} ${status?.reason}`)).toEqual([
    `${name} Ineffective Undone`,
    `${name}-2 Ineffective Undone`,
    `${name}-3 Held AttemptsSpent`,
  ])
  expect(all[0]?.status).toEqual(first.status)
  expect(all.map(({ status }) => status?.attempts?.length ?? 0)).toEqual([1, 1, 0])
  expect(all.map(({ spec, status }) => [spec.cause, status?.cause])).toEqual(
    all.map(() => ['ProjectNotFound', 'ProjectNotFound']),
  )
  expect(fixture.writes(namespace).map(({ verb }) => verb)).toEqual(['patch', 'patch', 'patch', 'patch'])
  const undone = await fixture.workload('Deployment', namespace)
  expect(undone.spec?.template?.spec?.containers?.[0]?.image).toBe(`${OLD}/crashing:1`)
  expect(undone.metadata.annotations?.['podmend.io/original-image']).toBeUndefined()
})

test.concurrent('when the first remedy did not help the next one of the escalation follows, in the same attempt', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, {
    match: {
      causes: ['ProjectNotFound', 'Unauthorized', 'ManifestNotFound', 'RepositoryNotFoundOrDenied'],
      namespaces: [namespace],
      failingFor: '0s',
    },
    actions: [{ ...QUICKLY, rewriteImage: { ...RULES, verify: 'Never' } }, RECYCLE],
  })
  // The new path has no such image either: the pod goes on failing in the same area.
  await fixture.apply(deployment(namespace, { image: `${OLD}/nowhere:1` }))
  const record = await eventually(async () => {
    const all = await fixture.records(namespace)
    const steps = all.flatMap(({ status }) => status?.steps ?? [])
    expect(steps.some(({ action, state }) => action === 'RecyclePod' && state !== 'Planned')).toBe(true)
    return steps
  }, PATIENTLY)
  expect(record.filter(({ state }) => state !== 'Planned').map(({ attempt }) => attempt)).toEqual([1, 1])
  await eventually(async () => {
    const verbs = fixture.writes(namespace).map(({ verb, resource }) => `${verb} ${resource}`)
    expect(verbs[0]).toBe('patch deployments.apps')
    expect(verbs.slice(1).every((verb) => verb === 'delete pods')).toBe(true)
    expect(verbs.length).toBeGreaterThan(1)
  }, PATIENTLY)
})

test.concurrent('what one policy observed another carries out: its escalation, its budget, its name', async () => {
  const namespace = await fixture.cluster.namespace()
  const match = {
    causes: ['ProjectNotFound', 'Unauthorized', 'ManifestNotFound', 'RepositoryNotFoundOrDenied'],
    namespaces: [namespace],
    failingFor: '0s',
  }
  const watcher = `${namespace}-observes`
  await fixture.policy(namespace, { mode: 'Observe', priority: -10, match, actions: [RECYCLE] }, watcher)
  await fixture.apply(deployment(namespace, { image: `${OLD}/nowhere:1` }))
  const observed = await fixture.record(namespace, { phase: 'Observed' })
  expect(observed.spec.policy.name).toBe(watcher)
  await fixture.policy(namespace, {
    match,
    actions: [{ ...QUICKLY, rewriteImage: { ...RULES, verify: 'Never' } }, RECYCLE],
  })
  const begun = await eventually(async () => {
    const steps = (await fixture.records(namespace)).flatMap(({ status }) => status?.steps ?? [])
    const found = steps.filter(({ state }) => state !== 'Planned')
    expect(found.map(({ action }) => action)).toEqual(expect.arrayContaining(['RewriteImage', 'RecyclePod']))
    return found
  }, PATIENTLY)
  expect(begun.slice(0, 2).map(({ attempt, policy }) => [attempt, policy?.name])).toEqual([
    [1, namespace],
    [1, namespace],
  ])
  const { status } = await fixture.cluster.get<RemediationPolicy>('rempol', namespace)
  expect(status?.attempts).toHaveLength(1)
  expect((await fixture.cluster.get<RemediationPolicy>('rempol', watcher)).status?.attempts ?? []).toEqual([])
  const metrics = await fixture.controller.metrics()
  expect(metrics).toContain(
    `podmend_remediations_total{policy="${namespace}",action="RewriteImage",result="Ineffective"} 1`,
  )
})

test.concurrent('a pod that nothing recreates is never deleted', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { actions: [RECYCLE] })
  await fixture.apply(barePod(namespace))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'RolloutBlocked' })
  expect(status?.message).toContain('nothing would recreate')
  expect(await fixture.pods(namespace)).toHaveLength(1)
  expect(fixture.writes(namespace)).toEqual([])
})

test.concurrent('an owner that is deleted while its repair is proven ends in Cancelled', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
  await fixture.record(namespace, { phase: 'Verifying' })
  await fixture.cluster.kubectl(['delete', 'deployment', 'web', '-n', namespace])
  await fixture.record(namespace, { phase: 'Cancelled', reason: 'OwnerGone' })
})

test.concurrent('an owner that is scaled to zero while its repair is proven ends in Cancelled', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
  await fixture.record(namespace, { phase: 'Verifying' })
  await fixture.cluster.kubectl(['scale', 'deployment', 'web', '--replicas=0', '-n', namespace])
  await fixture.record(namespace, { phase: 'Cancelled', reason: 'ScaledToZero' })
})

test.concurrent('a StatefulSet that replaces its pods only when they are deleted is held', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(statefulSet(namespace, { spec: { updateStrategy: { type: 'OnDelete' } } }))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'RolloutBlocked' })
  expect(status?.message).toContain('OnDelete')
  expect(fixture.writes(namespace)).toEqual([])
})

test.concurrent('a Deployment whose rollout is paused is held, and repaired once it is resumed', async () => {
  const namespace = await fixture.cluster.namespace()
  // The Deployment makes its pods before it is paused: a paused one makes none.
  await fixture.apply(deployment(namespace))
  await eventually(async () => expect(await fixture.pods(namespace)).toHaveLength(1))
  await fixture.cluster.kubectl(['rollout', 'pause', 'deployment/web', '-n', namespace])
  await fixture.policy(namespace)
  await fixture.record(namespace, { phase: 'Held', reason: 'RolloutBlocked' })
  expect(fixture.writes(namespace)).toEqual([])
  await fixture.cluster.kubectl(['rollout', 'resume', 'deployment/web', '-n', namespace])
  // No watch reports it: the workload is read again 30 s after it was held.
  await fixture.record(namespace, { phase: 'Succeeded' }, { ...PATIENTLY, timeoutMs: 90_000 })
})

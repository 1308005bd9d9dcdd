/** Owners whose pods no edit of a template reaches: Jobs, CronJobs, ReplicaSets of their own. */
import { expect, test } from 'vitest'
import type { Pod } from '../../src/model/kubernetes.ts'
import { eventually } from '../../testbed/fixture.ts'
import { runMend } from '../cli/run-mend.ts'
import { NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { cronJob, job, replicaSet } from './objects.ts'

const fixture = useFixture()

const imagesOf = (pods: readonly Pod[]): readonly string[] =>
  pods.map(({ spec }) => spec?.containers?.map(({ image }) => image).join(' ') ?? '')
const uidsOf = (pods: readonly Pod[]): readonly string[] => pods.map(({ metadata }) => metadata.uid).toSorted()
const phasesOf = (pods: readonly Pod[]) => pods.map(({ status }) => status?.phase)

const told = (namespace: string): readonly string[] =>
  fixture.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)

/** The pods of a namespace, once there are so many and each of them waits for its image. */
const stuck = (namespace: string, count: number, patience = PATIENTLY): Promise<readonly Pod[]> =>
  eventually(async () => {
    const pods = await fixture.pods(namespace)
    const waiting = pods.filter(({ status }) =>
      [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].some(({ state }) =>
        state?.waiting?.reason?.match(/ErrImagePull|ImagePullBackOff/),
      ),
    )
    expect(waiting).toHaveLength(count)
    return pods
  }, patience)

const jobOf = (pod: Pod | undefined) => pod?.metadata.ownerReferences?.find(({ controller }) => controller)?.uid

/** A Job of CronJob `web` now, as its controller would make it. */
const tick = (namespace: string, name: string): Promise<string> =>
  fixture.cluster.kubectl(['create', 'job', name, '--from=cronjob/web', '-n', namespace])

test.concurrent('a CronJob that forbids two Jobs at once is freed: its stuck pod gets the image, and the next Job has it', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.apply(cronJob(namespace, {}, { schedule: '* * * * *', concurrencyPolicy: 'Forbid' }))
  const [first] = await stuck(namespace, 1, { timeoutMs: 90_000, everyMs: 100 })
  // Only now: it would be mended before it is seen.
  await fixture.policy(namespace)
  const { status, spec } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(spec.target).toMatchObject({ kind: 'CronJob', apiVersion: 'batch/v1', name: 'web' })
  expect(status).toMatchObject({ reason: 'Repaired', attempts: [expect.anything()] })
  expect(told(namespace)).toEqual([
    `patch cronjobs.batch ${namespace}/web`,
    `patch pods ${namespace}/${first?.metadata.name}`,
  ])
  const repaired = await fixture.workload('CronJob', namespace)
  expect(repaired.spec?.jobTemplate?.spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
  expect(repaired.metadata.annotations?.['podmend.io/original-image']).toBe(JSON.stringify({ web: `${OLD}/web:1` }))

  await eventually(
    async () => {
      const pods = await fixture.pods(namespace)
      expect(uidsOf(pods)).toContain(first?.metadata.uid)
      expect(pods.length).toBeGreaterThanOrEqual(2)
      expect(new Set(imagesOf(pods))).toEqual(new Set([`${NEW}/web:1`]))
      expect(new Set(phasesOf(pods))).toEqual(new Set(['Succeeded']))
    },
    { timeoutMs: 90_000, everyMs: 500 },
  )
  expect(told(namespace)).toHaveLength(2)
}, 300_000)

test.concurrent('of a CronJob that allows it all Jobs that wait are freed at once, by one attempt', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.apply(cronJob(namespace, { image: `${OLD}/lasting:1` }, { concurrencyPolicy: 'Allow' }))
  await tick(namespace, 'first')
  await tick(namespace, 'second')
  const before = await stuck(namespace, 2)
  await fixture.policy(namespace)
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.attempts).toHaveLength(1)
  expect(status?.steps?.[0]?.pods?.map(({ uid }) => uid).toSorted()).toEqual(uidsOf(before))
  const after = await fixture.pods(namespace)
  expect(uidsOf(after)).toEqual(uidsOf(before))
  expect(imagesOf(after)).toEqual([`${NEW}/lasting:1`, `${NEW}/lasting:1`])
  expect(told(namespace)[0]).toBe(`patch cronjobs.batch ${namespace}/web`)
  expect(told(namespace)).toHaveLength(3)
})

test.concurrent('a Job that waits since before its CronJob was mended by hand is given what stands there by now', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.apply(cronJob(namespace))
  await tick(namespace, 'first')
  const [pod] = await stuck(namespace, 1)
  await fixture.apply(cronJob(namespace, { image: `${NEW}/web:1` }))
  await fixture.policy(namespace)
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(told(namespace)).toEqual([`patch pods ${namespace}/${pod?.metadata.name}`])
  expect(phasesOf(await fixture.pods(namespace))).toEqual(['Succeeded'])
})

test.concurrent('a Job of its own gets the image in its pods alone, and the record says what to change for good', async () => {
  const namespace = await fixture.cluster.namespace()
  const initContainers = [{ name: 'init', image: `${OLD}/side:1` }]
  const parts = { image: `${NEW}/lasting:1`, podSpec: { initContainers }, spec: { parallelism: 2, completions: 2 } }
  await fixture.apply(job(namespace, parts))
  const before = await stuck(namespace, 2)
  await fixture.policy(namespace)
  const { status, spec } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(spec.target).toMatchObject({ kind: 'Job', name: 'web' })
  expect(status?.permanentFix).toContain("a Job's template is immutable")
  expect(status?.steps?.[0]?.diff).not.toContain('--- a/job/')
  const after = await fixture.pods(namespace)
  expect(uidsOf(after)).toEqual(uidsOf(before))
  expect(phasesOf(after)).toEqual(['Running', 'Running'])
  expect(after.map((pod) => pod.spec?.initContainers?.[0]?.image)).toEqual([`${NEW}/side:1`, `${NEW}/side:1`])
  expect(told(namespace).toSorted()).toEqual(
    before.map(({ metadata }) => `patch pods ${namespace}/${metadata.name}`).toSorted(),
  )
})

test.concurrent('a Job that ends as soon as it can start is repaired, not merely gone', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(job(namespace))
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.reason).toBe('Repaired')
  await fixture.cluster.kubectl(['wait', '--for=condition=complete', 'job/web', '--timeout=15s', '-n', namespace])
})

test.concurrent('a ReplicaSet of its own is rewritten, and its broken pods are deleted, for it replaces none by itself', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.apply(replicaSet(namespace))
  const before = await stuck(namespace, 2)
  await fixture.policy(namespace)
  const { status, spec } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(spec.target.kind).toBe('ReplicaSet')
  expect(status?.attempts).toHaveLength(1)
  const after = (await fixture.pods(namespace)).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  expect(imagesOf(after)).toEqual([`${NEW}/web:1`, `${NEW}/web:1`])
  const [patch, ...deletions] = told(namespace)
  expect(patch).toBe(`patch replicasets.apps ${namespace}/web`)
  expect(deletions.toSorted()).toEqual(
    before.map(({ metadata }) => `delete pods ${namespace}/${metadata.name}`).toSorted(),
  )
})

test.concurrent('a Job whose CronJob keeps none that ended is proven by its completion', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(cronJob(namespace, {}, { successfulJobsHistoryLimit: 0 }))
  await tick(namespace, 'first')
  const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(status?.reason).toBe('Repaired')
  await eventually(async () => expect(await fixture.pods(namespace)).toEqual([]), PATIENTLY)
})

const HELD = [
  {
    name: 'its CronJob has another image by now than the rules make of the old one',
    reason: 'TemplateDiffers',
    says: 'Jobs created before keep their image',
    begin: async (namespace: string) => {
      await fixture.apply(cronJob(namespace))
      await tick(namespace, 'first')
      await stuck(namespace, 1)
      await fixture.apply(cronJob(namespace, { image: `${NEW}/side:1` }))
    },
  },
  {
    name: 'its CronJob is managed by Argo CD',
    reason: 'ManagedElsewhere',
    says: 'Argo CD',
    begin: async (namespace: string) => {
      await fixture.apply(cronJob(namespace, { labels: { 'argocd.argoproj.io/instance': 'shop' } }))
      await tick(namespace, 'first')
      await stuck(namespace, 1)
    },
  },
  {
    name: 'its CronJob is suspended',
    reason: 'RolloutBlocked',
    says: 'is suspended',
    begin: async (namespace: string) => {
      await fixture.apply(cronJob(namespace, {}, { suspend: true }))
      await tick(namespace, 'first')
      await stuck(namespace, 1)
    },
  },
  {
    name: 'its Job belongs to something of an unknown kind',
    reason: 'ManagedElsewhere',
    says: 'Workflow',
    begin: async (namespace: string) => {
      const owner = { apiVersion: 'example.com/v1', kind: 'Workflow', name: 'w', uid: 'w', controller: true }
      const made = job(namespace) as { metadata: object }
      await fixture.apply({ ...made, metadata: { ...made.metadata, ownerReferences: [owner] } })
      await stuck(namespace, 1)
    },
  },
]

test.concurrent.each(HELD)('a stuck pod of a Job is left alone where $name', async ({ begin, reason, says }) => {
  const namespace = await fixture.cluster.namespace()
  await begin(namespace)
  await fixture.policy(namespace)
  const { status } = await fixture.record(namespace, { phase: 'Held', reason })
  expect(status?.message).toContain(says)
  expect(fixture.writes(namespace)).toEqual([])
})

test.concurrent.each(['cj/web', 'job/first'])(
  'explain %s names the owner of the waiting pod, and what holds',
  async (named) => {
    const namespace = await fixture.cluster.namespace()
    await fixture.apply(cronJob(namespace, {}, { suspend: true }))
    await tick(namespace, 'first')
    await stuck(namespace, 1)
    const environment = { KUBECONFIG: fixture.cluster.plane.kubeconfig }
    // A Job that a person made is not among those that the CronJob knows.
    const [pod] = await fixture.pods(namespace)
    const active = [{ apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'first', uid: jobOf(pod) }]
    const patch = JSON.stringify({ status: { active } })
    await fixture.cluster.kubectl([
      'patch',
      'cronjob',
      'web',
      '-n',
      namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    ])
    const { out, err, status } = await runMend(['explain', named, '-n', namespace, '--ask-registry=false'], {
      environment,
    })
    expect({ err, status }).toEqual({ err: '', status: 0 })
    expect(out).toContain(`the pods belong to CronJob ${namespace}/web`)
    expect(out).toContain('is suspended')
  },
)

test.concurrent('what did not help a CronJob is taken back, in its template and in the pod that still waits', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ from: `${OLD}/`, to: `${NEW}/` }]
  await fixture.policy(namespace, {
    actions: [{ type: 'RewriteImage', timeout: '5s', rewriteImage: { rules, verify: 'Never' } }],
    onIneffective: 'Undo',
  })
  await fixture.apply(cronJob(namespace, { image: `${OLD}/missing:1` }))
  await tick(namespace, 'first')
  await eventually(async () => {
    const { status } = await fixture.record(namespace, { phase: 'Ineffective' }, { timeoutMs: 0 })
    const begun = status?.steps?.filter(({ state }) => state !== 'Planned').map(({ state }) => state)
    expect(begun).toEqual(['Ineffective', 'Undone'])
    const { spec, metadata } = await fixture.workload('CronJob', namespace)
    expect(spec?.jobTemplate?.spec?.template?.spec?.containers?.[0]?.image).toBe(`${OLD}/missing:1`)
    expect(metadata.annotations?.['podmend.io/original-image']).toBeUndefined()
    const [pod] = await fixture.pods(namespace)
    expect(imagesOf(pod ? [pod] : [])).toEqual([`${OLD}/missing:1`])
    expect(pod?.metadata.annotations?.['podmend.io/original-image']).toBeUndefined()
  }, PATIENTLY)
  expect(told(namespace).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'patch cronjobs.batch',
    'patch pods',
    'patch cronjobs.batch',
    'patch pods',
  ])
})

test.concurrent('a person takes a repair of a Job back, and it stays so', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ from: `${OLD}/`, to: `${NEW}/` }]
  await fixture.policy(namespace, {
    actions: [{ type: 'RewriteImage', timeout: '60s', rewriteImage: { rules, verify: 'Never' } }],
    limits: { cooldown: '10s' },
  })
  await fixture.apply(job(namespace, { image: `${OLD}/missing:1` }))
  const { metadata } = await fixture.record(namespace, { phase: 'Verifying' })
  const environment = { KUBECONFIG: fixture.cluster.plane.kubeconfig }
  const { err, status } = await runMend(['undo', `rem/${metadata.name}`, '-n', namespace], { environment })
  expect({ err, status }).toEqual({ err: '', status: 0 })
  expect(imagesOf(await fixture.pods(namespace))).toEqual([`${OLD}/missing:1`])
  await fixture.record(namespace, { phase: 'Held', reason: 'EditReverted' })
  expect(imagesOf(await fixture.pods(namespace))).toEqual([`${OLD}/missing:1`])
})

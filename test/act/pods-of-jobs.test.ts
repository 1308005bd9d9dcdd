import { beforeAll, describe, expect, test } from 'vitest'
import type { Container } from '../../src/model/kubernetes.ts'
import type { ImageEdit } from '../../src/model/plan.ts'
import { act as rewriteImage } from '../../src/remedies/rewrite-image/act.ts'
import type { RewriteImagePlan } from '../../src/remedies/rewrite-image/plan.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { BROKEN, change, depsOf, MENDED, rewritePlan, type Templated } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
let ns: string
beforeAll(async () => {
  deps = await depsOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('act')
})

const ORIGINAL = 'podmend.io/original-image'
const POINTER = '/spec/jobTemplate/spec/template/spec/containers/0'

interface CronJob extends Templated {
  readonly spec: Templated['spec'] & {
    readonly jobTemplate: {
      readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } }
    }
  }
}

const podSpec = { restartPolicy: 'Never', containers: [{ name: 'coredns', image: BROKEN }] }

const cronJob = async (name: string): Promise<CronJob> => {
  const spec = { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: { spec: podSpec } } } }
  await cluster.applyYaml(JSON.stringify({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name }, spec }), {
    namespace: ns,
  })
  return readCronJob(name)
}
const readCronJob = (name: string) => cluster.get<CronJob>('cronjob', name, '-n', ns)
const imageOf = ({ spec }: CronJob) => spec.jobTemplate.spec.template.spec.containers[0]?.image

const pod = async (name: string): Promise<Templated> => {
  await deps.kube.create(`/api/v1/namespaces/${ns}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: podSpec,
  })
  return readPod(name)
}
const readPod = (name: string) => cluster.get<Templated>('pod', name, '-n', ns)

/** The kubelet's word on the container. */
const says = (name: string, state: object): Promise<string> => {
  const containerStatuses = [{ name: 'coredns', image: '', imageID: '', ready: false, restartCount: 0, state }]
  const patch = JSON.stringify({ status: { phase: 'Pending', containerStatuses } })
  return cluster.kubectl(['patch', 'pod', name, '-n', ns, '--subresource=status', '--type=merge', '-p', patch])
}
const backingOff = { waiting: { reason: 'ImagePullBackOff' } }

const edit = ({ metadata }: Templated): ImageEdit => ({
  target: { apiVersion: 'v1', kind: 'Pod', namespace: ns, name: metadata.name, uid: metadata.uid },
  resourceVersion: metadata.resourceVersion,
  annotations: metadata.annotations ?? {},
  changes: [change(BROKEN, MENDED, { pointer: '/spec/containers/0' })],
})

const planFor = (target: CronJob, pods: readonly Templated[]): RewriteImagePlan => ({
  ...rewritePlan(target, [change(BROKEN, MENDED, { pointer: POINTER })]),
  thenPatch: pods.map(edit),
})

const imageOfPod = async (name: string) => (await readPod(name)).spec.containers?.[0]?.image

describe('a rewrite of a CronJob', () => {
  test('writes its template, then the pods that wait, each with the original beside it', async () => {
    const [target, stuck] = [await cronJob('all'), await pod('all-1')]
    await says('all-1', backingOff)
    expect(await rewriteImage(planFor(target, [stuck]), deps)).toMatchObject({
      kind: 'Done',
      wrote: [{ ref: { kind: 'CronJob', name: 'all' } }, { ref: { kind: 'Pod', name: 'all-1' } }],
      left: [],
    })
    expect(imageOf(await readCronJob('all'))).toBe(MENDED)
    expect(await imageOfPod('all-1')).toBe(MENDED)
    expect((await readPod('all-1')).metadata.annotations?.[ORIGINAL]).toBe(JSON.stringify({ coredns: BROKEN }))
  })

  test('carried out again, or after a crash between the two, writes only what is missing', async () => {
    const [target, stuck] = [await cronJob('again'), await pod('again-1')]
    await rewriteImage(planFor(target, []), deps)
    const template = change(MENDED, MENDED, { pointer: POINTER })
    const resumed = { ...planFor(await readCronJob('again'), [stuck]), changes: [template] }
    expect(await rewriteImage(resumed, deps)).toMatchObject({ kind: 'Done', wrote: [{ ref: { kind: 'Pod' } }] })
    expect(await rewriteImage(resumed, deps)).toEqual({ kind: 'AlreadyDone' })
  })

  test.each([
    ['has started in the meantime', { running: { startedAt: '2026-03-01T12:00:00Z' } }, 'has started in the meantime'],
    ['has ended meanwhile', { terminated: { exitCode: 0 } }, 'has started in the meantime'],
  ])('leaves a pod that %s as it is', async (what, state, why) => {
    const name = what.replaceAll(' ', '-')
    const [target, stuck, other] = [await cronJob(name), await pod(`${name}-1`), await pod(`${name}-2`)]
    await says(`${name}-1`, state)
    const outcome = await rewriteImage(planFor(target, [stuck, other]), deps)
    expect(outcome).toMatchObject({ kind: 'Done', left: [{ name: `${name}-1`, why: expect.stringContaining(why) }] })
    expect(await imageOfPod(`${name}-1`)).toBe(BROKEN)
    expect(await imageOfPod(`${name}-2`)).toBe(MENDED)
  })

  test('touches nothing without the right to write to its pods', async () => {
    const [target, stuck] = [await cronJob('half'), await pod('half-1')]
    await cluster.kubectl(['create', 'role', 'half', '--verb=get,patch', '--resource=cronjobs.batch', '-n', ns])
    await cluster.kubectl(['create', 'rolebinding', 'half', '--role=half', '--user=half', '-n', ns])
    const half = await depsOf(await cluster.plane.userKubeconfig('half'))
    expect(await rewriteImage(planFor(target, [stuck]), half)).toMatchObject({
      kind: 'Refused',
      missingRight: `patch pods in namespace ${ns}`,
    })
    expect(imageOf(await readCronJob('half'))).toBe(BROKEN)
  })
})

describe('a rewrite of a Job', () => {
  const jobPlan = (pods: readonly Templated[]): RewriteImagePlan => ({
    ...rewritePlan(
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', uid: 'j', resourceVersion: '1' }, spec: {} },
      [change(BROKEN, MENDED)],
    ),
    podsOnly: true,
    thenPatch: pods.map(edit),
  })

  test('writes to its pods alone', async () => {
    const stuck = await pod('job-1')
    expect(await rewriteImage(jobPlan([stuck]), deps)).toMatchObject({
      kind: 'Done',
      wrote: [{ ref: { kind: 'Pod' } }],
    })
    expect(await imageOfPod('job-1')).toBe(MENDED)
  })

  test('that finds none of its pods unchanged is requeued', async () => {
    const stuck = await pod('job-2')
    await cluster.kubectl(['delete', 'pod', 'job-2', '-n', ns, '--force', '--grace-period=0'])
    expect(await rewriteImage(jobPlan([stuck]), deps)).toMatchObject({ kind: 'Stale', why: 'Pod job-2 is gone' })
  })
})

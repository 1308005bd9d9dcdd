import { beforeAll, describe, expect, test } from 'vitest'
import type { Pod } from '../../src/model/kubernetes.ts'
import { act } from '../../src/remedies/list.ts'
import { act as recyclePod } from '../../src/remedies/recycle-pod/act.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { BROKEN, depsOf, recyclePlan } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
let ns: string
beforeAll(async () => {
  deps = await depsOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('recycle')
})

const waiting = (reason: string) => ({
  containerStatuses: [
    { name: 'app', image: BROKEN, imageID: '', ready: false, restartCount: 0, state: { waiting: { reason } } },
  ],
})
const READY = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }

const say = (name: string, status: object): Promise<string> =>
  cluster.kubectl([
    'patch',
    'pod',
    name,
    '-n',
    ns,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ])

const failingPod = async (name: string, labels: Record<string, string> = { app: name }): Promise<Pod> => {
  await cluster.applyYaml(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels },
      spec: { containers: [{ name: 'app', image: BROKEN }] },
    }),
    { namespace: ns },
  )
  await say(name, waiting('ErrImagePull'))
  return read(name)
}
const read = (name: string) => cluster.get<Pod>('pod', name, '-n', ns)
const there = async (name: string) =>
  (await cluster.kubectl(['get', 'pod', name, '-n', ns, '--ignore-not-found', '-o', 'name'])) !== ''

describe.each(['Delete', 'Evict'] as const)('by method %s', (method) => {
  const named = (name: string) => `${name}-${method.toLowerCase()}`

  test('a failing pod goes', async () => {
    const pod = await failingPod(named('plain'))
    const outcome = await recyclePod(recyclePlan([pod], method), deps)
    const verb = method === 'Delete' ? 'deleted' : 'evicted'
    expect(outcome).toMatchObject({
      kind: 'Done',
      wrote: [{ verb, ref: { kind: 'Pod', uid: pod.metadata.uid } }],
      left: [],
    })
    expect(await there(pod.metadata.name)).toBe(false)
  })

  test('a pod stays if the remedy was stopped right before', async () => {
    const pod = await failingPod(named('stopped'))
    const stopped = { ...deps, isStillPlanned: () => Promise.resolve(false) }
    expect(await recyclePod(recyclePlan([pod], method), stopped)).toMatchObject({ kind: 'Stale' })
    expect(await there(pod.metadata.name)).toBe(true)
  })

  test('a pod that was excluded since it was read stays', async () => {
    const pod = await failingPod(named('excluded'))
    await cluster.kubectl(['annotate', 'pod', pod.metadata.name, '-n', ns, 'podmend.io/exclude=true'])
    expect(await recyclePod(recyclePlan([pod], method), deps)).toMatchObject({ kind: 'Stale' })
    expect(await there(pod.metadata.name)).toBe(true)
  })

  test('a pod that fails again with another message is deleted', async () => {
    const pod = await failingPod(named('repeats'))
    await say(pod.metadata.name, waiting('ImagePullBackOff'))
    expect(await recyclePod(recyclePlan([pod], method), deps)).toMatchObject({ kind: 'Done' })
    expect(await there(pod.metadata.name)).toBe(false)
  })

  test('a pod whose failing status changes between each of several reads and its delete is deleted', async () => {
    const name = named('restless')
    const pod = await failingPod(name)
    let changes = 0
    const kube = {
      ...deps.kube,
      get: async <T>(path: string): Promise<T> => {
        const current = await deps.kube.get<T>(path)
        changes += 1
        if (changes <= 4) await say(name, waiting(changes % 2 === 0 ? 'ImagePullBackOff' : 'ErrImagePull'))
        return current
      },
    }
    await say(name, waiting('ImagePullBackOff'))
    expect(await recyclePod(recyclePlan([pod], method), { ...deps, kube })).toMatchObject({ kind: 'Done', left: [] })
    expect(changes).toBe(5)
    expect(await there(name)).toBe(false)
  })

  test('a pod that recovered meanwhile stays', async () => {
    const pod = await failingPod(named('recovered'))
    await say(pod.metadata.name, READY)
    const outcome = await recyclePod(recyclePlan([pod], method), deps)
    expect(outcome).toEqual({ kind: 'Stale', why: `pod ${pod.metadata.name} changed since it was read` })
    expect(await there(pod.metadata.name)).toBe(true)
  })

  test('a namesake of a pod that is gone stays', async () => {
    const pod = await failingPod(named('namesake'))
    await cluster.kubectl(['delete', 'pod', pod.metadata.name, '-n', ns])
    await failingPod(named('namesake'))
    expect(await recyclePod(recyclePlan([pod], method), deps)).toEqual({
      kind: 'Stale',
      why: 'the pods to recycle are gone already',
    })
    expect(await there(pod.metadata.name)).toBe(true)
  })

  test('a forbidden delete is reported with the missing right', async () => {
    const pod = await failingPod(named('denied'))
    const nobody = await depsOf(await cluster.plane.userKubeconfig('nobody'))
    const right = method === 'Delete' ? 'delete pods' : 'create pods/eviction'
    const outcome = await recyclePod(recyclePlan([pod], method), nobody)
    expect(outcome).toMatchObject({ kind: 'Refused', missingRight: `${right} in namespace ${ns}` })
    expect(await there(pod.metadata.name)).toBe(true)
  })
})

test('one pod that recovered does not keep the others standing', async () => {
  const [well, ill] = [await failingPod('mixed-well'), await failingPod('mixed-ill')]
  await say('mixed-well', READY)
  const outcome = await recyclePod(recyclePlan([well, ill]), deps)
  expect(outcome).toMatchObject({
    kind: 'Done',
    wrote: [{ ref: { name: 'mixed-ill' } }],
    left: [{ name: 'mixed-well', why: 'pod mixed-well changed since it was read' }],
  })
  expect(await there('mixed-well')).toBe(true)
})

test('a disruption budget puts an eviction off', async () => {
  const labels = { app: 'guarded' }
  await cluster.applyYaml(
    JSON.stringify({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'guarded' },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    }),
    { namespace: ns },
  )
  const pod = await failingPod('guarded', labels)
  await say('guarded', { ...waiting('CrashLoopBackOff'), ...READY })
  const running = await read('guarded')
  const outcome = await recyclePod(recyclePlan([running], 'Evict'), deps)
  expect(outcome).toMatchObject({ kind: 'Stale', retryAfterMs: expect.any(Number) as number })
  expect((await read('guarded')).metadata.uid).toBe(pod.metadata.uid)
})

test('what was switched off at install is refused, although the rights would allow it', async () => {
  const pod = await failingPod('switched-off')
  const outcome = await act(recyclePlan([pod]), { ...deps, disabledActions: ['RecyclePod'] })
  expect(outcome).toMatchObject({ kind: 'Refused', why: expect.stringContaining('--disable-action') as string })
  expect((await read('switched-off')).metadata.uid).toBe(pod.metadata.uid)
})

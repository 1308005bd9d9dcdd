import { expect, test } from 'vitest'
import type { Pod } from '../model/kubernetes.ts'
import { createPodCache, pendingPod, type WarningEvent } from './pod-cache.ts'

const NOW = Date.UTC(2030, 0, 1)
const ref = (uid: string) => ({ namespace: 'web', name: `pod-${uid}`, uid })

const pod = (uid: string, waiting?: string): Pod => ({
  metadata: { name: `pod-${uid}`, namespace: 'web', uid, resourceVersion: '1' },
  status: {
    phase: 'Pending',
    containerStatuses: [{ name: 'app', state: waiting === undefined ? {} : { waiting: { reason: waiting } } }],
  },
})

const warning = (message: string, lastSeen = NOW): WarningEvent => ({
  reason: 'Failed',
  message,
  reporter: 'kubelet',
  lastSeen,
})

const podCache = (maxPods?: number) => {
  const changed: string[] = []
  const made = createPodCache({
    now: () => NOW,
    onChange: (uid) => changed.push(uid),
    ...(maxPods !== undefined && { maxPods }),
  })
  return { ...made, changed }
}

test('a pod that is merely starting is no reason to look', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ContainerCreating'))
  b.sawPending(pod('b', 'PodInitializing'))
  b.sawPending(pod('c'))
  expect(b.changed).toEqual([])
})

test('a container that waits for anything else is', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ImagePullBackOff'))
  expect(b.changed).toEqual(['a'])
})

test('a starting pod of which a program said something is looked at', () => {
  const b = podCache()
  b.sawWarning(ref('a'), warning('no chain'))
  b.sawPending(pod('a', 'ContainerCreating'))
  expect(b.changed).toEqual(['a', 'a'])
  expect(b.get('a')).toMatchObject({ warnings: [{ message: 'no chain' }], pod: { metadata: { uid: 'a' } } })
})

test('a pod that leaves the selection is looked at once more, and forgotten where nobody spoke of it', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ErrImagePull'))
  b.leftPending('a')
  expect(b.changed).toEqual(['a', 'a'])
  expect(b.get('a')).toBeUndefined()
})

test('a pod of which somebody spoke stays known by its words after it left the selection', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ErrImagePull'))
  b.sawWarning(ref('a'), warning('not found'))
  b.leftPending('a')
  expect(b.get('a')).toEqual({ ref: ref('a'), warnings: [warning('not found')] })
})

test('a pod that starts healthily leaves nothing behind', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ContainerCreating'))
  b.leftPending('a')
  expect(b.uids()).toEqual([])
})

test('the newest words are kept, the same one once, and none older than an hour beside a new one', () => {
  const b = podCache()
  b.sawWarning(ref('a'), warning('old', NOW - 3_600_001))
  for (let i = 0; i < 40; i += 1) b.sawWarning(ref('a'), warning(`m${i}`, NOW - 40 + i))
  b.sawWarning(ref('a'), warning('m39', NOW))
  const warnings = b.get('a')?.warnings ?? []
  expect(warnings).toHaveLength(16)
  expect(warnings[0]).toEqual(warning('m39', NOW))
  expect(warnings.some(({ message }) => message === 'old')).toBe(false)
})

test('a flood of Events about pods that nobody sees pushes out only such', () => {
  const b = podCache(10)
  b.sawPending(pod('real', 'ErrImagePull'))
  for (let i = 0; i < 100; i += 1) b.sawWarning(ref(`forged-${i}`), warning('x'))
  expect(b.uids().length).toBeLessThanOrEqual(10)
  expect(b.get('real')).toBeDefined()
})

test('the words of all pods together are bounded, and a pod that a watch shows stays', () => {
  const b = podCache()
  b.sawPending(pod('real', 'ErrImagePull'))
  for (let i = 0; i < 6_000; i += 1) b.sawWarning(ref(`forged-${i}`), warning(`${i}`.padEnd(4_096, 'x')))
  const kept = b.uids().reduce((sum, uid) => sum + (b.get(uid)?.warnings[0]?.message.length ?? 0), 0)
  expect(kept).toBeLessThanOrEqual(16 * 2 ** 20 + 4_096)
  expect(b.get('real')).toBeDefined()
  expect(b.get('forged-5999')).toBeDefined()
})

test('old words of pods that nobody sees are dropped in time, fresh ones and seen pods are not', () => {
  const b = podCache()
  b.sawWarning(ref('old'), warning('x', NOW - 3_600_000))
  b.sawWarning(ref('fresh'), warning('x', NOW))
  b.sawPending(pod('seen', 'ErrImagePull'))
  b.prune()
  expect(b.uids()).toEqual(['fresh', 'seen'])
})

const podWithVolumes = (volumes: NonNullable<Pod['spec']>['volumes']): Pod => ({
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', resourceVersion: '1' },
  spec: { containers: [{ name: 'web', image: 'web:1' }], ...(volumes && { volumes }) },
})

test('of a pending pod’s volumes only those of images are kept: their errors show on the containers', () => {
  const secret = { name: 'certificates', secret: { secretName: 'x' } }
  const kept = pendingPod(podWithVolumes([secret, { name: 'model', image: { reference: 'model:9' } }]))
  expect(kept.spec?.volumes).toEqual([{ name: 'model', image: { reference: 'model:9' } }])
  expect(pendingPod(podWithVolumes([secret])).spec).not.toHaveProperty('volumes')
})

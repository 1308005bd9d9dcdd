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

const word = (message: string, lastSeen = NOW): WarningEvent => ({
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
  b.heard(ref('a'), word('no chain'))
  b.sawPending(pod('a', 'ContainerCreating'))
  expect(b.changed).toEqual(['a', 'a'])
  expect(b.get('a')).toMatchObject({ words: [{ message: 'no chain' }], pod: { metadata: { uid: 'a' } } })
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
  b.heard(ref('a'), word('not found'))
  b.leftPending('a')
  expect(b.get('a')).toEqual({ ref: ref('a'), words: [word('not found')] })
})

test('a pod that starts healthily leaves nothing behind', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ContainerCreating'))
  b.leftPending('a')
  expect(b.uids()).toEqual([])
})

test('the newest words are kept, the same one once, and none older than an hour beside a new one', () => {
  const b = podCache()
  b.heard(ref('a'), word('old', NOW - 3_600_001))
  for (let i = 0; i < 40; i += 1) b.heard(ref('a'), word(`m${i}`, NOW - 40 + i))
  b.heard(ref('a'), word('m39', NOW))
  const words = b.get('a')?.words ?? []
  expect(words).toHaveLength(16)
  expect(words[0]).toEqual(word('m39', NOW))
  expect(words.some(({ message }) => message === 'old')).toBe(false)
})

test('a flood of Events about pods that nobody sees pushes out only such', () => {
  const b = podCache(10)
  b.sawPending(pod('real', 'ErrImagePull'))
  for (let i = 0; i < 100; i += 1) b.heard(ref(`forged-${i}`), word('x'))
  expect(b.uids().length).toBeLessThanOrEqual(10)
  expect(b.get('real')).toBeDefined()
})

test('the words of all pods together are bounded, and a pod that a watch shows stays', () => {
  const b = podCache()
  b.sawPending(pod('real', 'ErrImagePull'))
  for (let i = 0; i < 6_000; i += 1) b.heard(ref(`forged-${i}`), word(`${i}`.padEnd(4_096, 'x')))
  const kept = b.uids().reduce((sum, uid) => sum + (b.get(uid)?.words[0]?.message.length ?? 0), 0)
  expect(kept).toBeLessThanOrEqual(16 * 2 ** 20 + 4_096)
  expect(b.get('real')).toBeDefined()
  expect(b.get('forged-5999')).toBeDefined()
})

test('old words of pods that nobody sees are dropped in time, fresh ones and seen pods are not', () => {
  const b = podCache()
  b.heard(ref('old'), word('x', NOW - 3_600_000))
  b.heard(ref('fresh'), word('x', NOW))
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

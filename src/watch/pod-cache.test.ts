import { expect, test } from 'vitest'
import type { Pod } from '../model/kubernetes.ts'
import { podKey } from '../model/pod.ts'
import { pendingPod } from './pending-pod.ts'
import { createPodCache, type WarningEvent } from './pod-cache.ts'

const NOW = Date.UTC(2030, 0, 1)
const ref = (uid: string) => ({ namespace: 'web', name: `pod-${uid}`, uid })
const key = (uid: string) => podKey(ref(uid))

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
    onChange: (one) => changed.push(one),
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
  expect(b.changed).toEqual([key('a')])
})

test('a starting pod of which a program said something is looked at', () => {
  const b = podCache()
  b.sawWarning(ref('a'), warning('no chain'))
  b.sawPending(pod('a', 'ContainerCreating'))
  expect(b.changed).toEqual([key('a'), key('a')])
  expect(b.get(key('a'))).toMatchObject({ warnings: [{ message: 'no chain' }], pod: { metadata: { uid: 'a' } } })
})

test('a pod that leaves the selection is looked at once more, and forgotten where nobody spoke of it', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ErrImagePull'))
  b.leftPending(ref('a'))
  expect(b.changed).toEqual([key('a'), key('a')])
  expect(b.get(key('a'))).toBeUndefined()
})

test('a pod of which somebody spoke stays known by its words after it left the selection', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ErrImagePull'))
  b.sawWarning(ref('a'), warning('not found'))
  b.leftPending(ref('a'))
  expect(b.get(key('a'))).toEqual({ ref: ref('a'), warnings: [warning('not found')] })
})

test('a pod that starts healthily leaves nothing behind', () => {
  const b = podCache()
  b.sawPending(pod('a', 'ContainerCreating'))
  b.leftPending(ref('a'))
  expect(b.keys()).toEqual([])
})

test('the newest words are kept, the same one once, and none older than an hour beside a new one', () => {
  const b = podCache()
  b.sawWarning(ref('a'), warning('old', NOW - 3_600_001))
  for (let i = 0; i < 40; i += 1) b.sawWarning(ref('a'), warning(`m${i}`, NOW - 40 + i))
  b.sawWarning(ref('a'), warning('m39', NOW))
  const warnings = b.get(key('a'))?.warnings ?? []
  expect(warnings).toHaveLength(16)
  expect(warnings[0]).toEqual(warning('m39', NOW))
  expect(warnings.some(({ message }) => message === 'old')).toBe(false)
})

test('a flood of Events about pods that nobody sees pushes out only such', () => {
  const b = podCache(10)
  b.sawPending(pod('real', 'ErrImagePull'))
  for (let i = 0; i < 100; i += 1) b.sawWarning(ref(`forged-${i}`), warning('x'))
  expect(b.keys().length).toBeLessThanOrEqual(10)
  expect(b.get(key('real'))).toBeDefined()
})

test.each([
  ['many pods', 'x', 10],
  ['long messages', 'x'.repeat(4_096), undefined],
])('a flood of Events in one namespace pushes out none of another: %s', (_, message, maxPods) => {
  const b = podCache(maxPods)
  const other = { namespace: 'shop', name: 'till', uid: 'till' }
  b.sawWarning(other, warning('the true one'))
  for (let i = 0; i < 6_000; i += 1) b.sawWarning(ref(`forged-${i}`), warning(message))
  expect(b.get(podKey(other))?.warnings).toHaveLength(1)
  expect(b.get(key('forged-5999'))).toBeDefined()
  expect(b.get(key('forged-0'))).toBeUndefined()
})

test('the words of pods that a watch shows are bounded as well, and each keeps its newest', () => {
  const b = podCache()
  for (let i = 0; i < 500; i += 1) {
    b.sawPending(pod(`${i}`, 'ErrImagePull'))
    for (let n = 0; n < 16; n += 1) b.sawWarning(ref(`${i}`), warning(`${n}`.padEnd(4_096, 'x'), NOW + n))
  }
  const all = b.keys().flatMap((one) => b.get(one)?.warnings ?? [])
  expect(all.reduce((sum, { message }) => sum + message.length, 0)).toBeLessThanOrEqual(16 * 2 ** 20 + 500 * 4_096)
  expect(b.get(key('499'))?.warnings.map(({ message }) => message.slice(0, 3))).toEqual(['15x'])
})

test('the words of all pods together are bounded, and a pod that a watch shows stays', () => {
  const b = podCache()
  b.sawPending(pod('real', 'ErrImagePull'))
  for (let i = 0; i < 6_000; i += 1) b.sawWarning(ref(`forged-${i}`), warning(`${i}`.padEnd(4_096, 'x')))
  const kept = b.keys().reduce((sum, one) => sum + (b.get(one)?.warnings[0]?.message.length ?? 0), 0)
  expect(kept).toBeLessThanOrEqual(16 * 2 ** 20 + 4_096)
  expect(b.get(key('real'))).toBeDefined()
  expect(b.get(key('forged-5999'))).toBeDefined()
})

test('old words of pods that nobody sees are dropped in time, fresh ones and seen pods are not', () => {
  const b = podCache()
  b.sawWarning(ref('old'), warning('x', NOW - 3_600_000))
  b.sawWarning(ref('fresh'), warning('x', NOW))
  b.sawPending(pod('seen', 'ErrImagePull'))
  b.prune()
  expect(b.keys()).toEqual([key('fresh'), key('seen')])
})

test('an Event that carries the uid of a pod elsewhere, or under another name, joins no pod', () => {
  const b = podCache()
  b.sawWarning({ namespace: 'tenant', name: 'anything', uid: 'a' }, warning('forged before'))
  b.sawPending(pod('a', 'ContainerCreating'))
  b.sawWarning({ namespace: 'tenant', name: 'pod-a', uid: 'a' }, warning('forged after'))
  b.sawWarning({ namespace: 'web', name: 'other', uid: 'a' }, warning('forged name'))
  expect(b.get(key('a'))?.warnings).toEqual([])
  expect(b.changed).not.toContain(key('a'))
})

test('an Event from the future displaces none that follows, and ages as if it were of now', () => {
  let at = NOW
  const b = createPodCache({ now: () => at, onChange: () => undefined })
  for (let i = 0; i < 16; i += 1) b.sawWarning(ref('a'), warning(`forged ${i}`, Date.UTC(2099, 0, 1)))
  b.sawWarning(ref('a'), warning('from the kubelet'))
  expect(b.get(key('a'))?.warnings[0]).toEqual(warning('from the kubelet'))
  expect(b.get(key('a'))?.warnings.at(-1)?.lastSeen).toBe(NOW)
  at += 3_600_000
  b.sawWarning(ref('a'), warning('later', at))
  expect(b.get(key('a'))?.warnings).toEqual([warning('later', at)])
})

test('an Event from the future counts from when the server received it; a clock a little ahead does no harm', () => {
  const b = podCache()
  const received = { ...warning('forged', Date.UTC(2099, 0, 1)), createdAt: NOW - 60_000 }
  b.sawWarning(ref('a'), received)
  b.sawWarning(ref('a'), { ...warning('from a node', NOW + 120_000), createdAt: NOW - 3_000_000 })
  expect(b.get(key('a'))?.warnings.map(({ message, lastSeen }) => [message, lastSeen])).toEqual([
    ['from a node', NOW],
    ['forged', NOW - 60_000],
  ])
})

const podWithVolumes = (volumes: NonNullable<Pod['spec']>['volumes']): Pod => ({
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', resourceVersion: '1' },
  spec: { containers: [{ name: 'web', image: 'web:1' }], ...(volumes && { volumes }) },
})

test('of a pending pod’s volumes those of images are kept: their errors show on the containers', () => {
  const secret = { name: 'certificates', secret: { secretName: 'x' } }
  const kept = pendingPod(podWithVolumes([secret, { name: 'model', image: { reference: 'model:9' } }]))
  expect(kept.spec?.volumes).toEqual([{ name: 'model', image: { reference: 'model:9' } }])
  expect(pendingPod(podWithVolumes([secret])).spec).not.toHaveProperty('volumes')
})

test('of a pending pod’s volumes those are kept that a helper on the node may have to mount, and no more of them', () => {
  const given = [
    { name: 'a', nfs: { server: '10.0.0.1', path: '/x' } },
    { name: 'b', flexVolume: { driver: 'fstab/cifs', fsType: 'cifs', options: { share: 'x' } } },
    { name: 'c', persistentVolumeClaim: { claimName: 'data', readOnly: true } },
    { name: 'd', ephemeral: { volumeClaimTemplate: {} } },
    { name: 'e', configMap: { name: 'x' } },
    { name: 'f', cephfs: { monitors: ['m'] } },
    { name: 'g', glusterfs: { endpoints: 'e', path: 'p' } },
  ] as NonNullable<Pod['spec']>['volumes']
  expect(pendingPod(podWithVolumes(given)).spec?.volumes).toEqual([
    { name: 'a', nfs: {} },
    { name: 'b', flexVolume: { driver: 'fstab/cifs', fsType: 'cifs' } },
    { name: 'c', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'd', ephemeral: {} },
    { name: 'f', cephfs: {} },
    { name: 'g', glusterfs: {} },
  ])
})

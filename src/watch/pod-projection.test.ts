import { expect, test } from 'vitest'
import type { Pod } from '../model/kubernetes.ts'
import { pendingPod } from './pod-projection.ts'

const podWith = (volumes: NonNullable<Pod['spec']>['volumes']): Pod => ({
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', resourceVersion: '1' },
  spec: { containers: [{ name: 'web', image: 'web:1' }], ...(volumes && { volumes }) },
})

test('of a pending pod’s volumes only those of images are kept: their errors show on the containers', () => {
  const secret = { name: 'certificates', secret: { secretName: 'x' } }
  const kept = pendingPod(podWith([secret, { name: 'model', image: { reference: 'model:9' } }]))
  expect(kept.spec?.volumes).toEqual([{ name: 'model', image: { reference: 'model:9' } }])
  expect(pendingPod(podWith([secret])).spec).not.toHaveProperty('volumes')
})

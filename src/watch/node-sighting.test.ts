import { expect, test } from 'vitest'
import type { Node } from '../api/kubernetes.ts'
import { nodeSighting } from './node-sighting.ts'

const node = (more: Partial<Node> = {}): Node => ({
  metadata: {
    name: 'node-1',
    uid: 'n',
    resourceVersion: '7',
    labels: { 'kubernetes.io/os': 'linux' },
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
  },
  status: {
    conditions: [
      { type: 'MemoryPressure', status: 'False' },
      {
        type: 'Ready',
        status: 'False',
        reason: 'KubeletNotReady',
        message: 'container runtime is down',
        lastTransitionTime: '2030-01-01T00:00:00Z',
      },
    ],
    images: [{ names: ['x'.repeat(10_000)] }],
  },
  ...more,
})

test('only what decisions read is kept', () => {
  expect(nodeSighting(node())).toEqual({
    name: 'node-1',
    uid: 'n',
    labels: { 'kubernetes.io/os': 'linux' },
    annotations: {},
    controlPlane: false,
    unschedulable: false,
    ready: false,
    readiness: {
      status: 'False',
      reason: 'KubeletNotReady',
      message: 'container runtime is down',
      since: '2030-01-01T00:00:00Z',
    },
  })
})

test('opt-out, cordon and control plane are seen', () => {
  const { metadata } = node()
  const labels = { 'node-role.kubernetes.io/control-plane': '' }
  const annotations = { 'podmend.io/exclude': 'true', other: 'x' }
  expect(
    nodeSighting(node({ metadata: { ...metadata, labels, annotations }, spec: { unschedulable: true } })),
  ).toMatchObject({ controlPlane: true, unschedulable: true, annotations: { 'podmend.io/exclude': 'true' } })
})

test('a node whose kubelet never spoke is not ready', () => {
  const sighting = nodeSighting(node({ status: {} }))
  expect(sighting.ready).toBe(false)
  expect(sighting.readiness).toBeUndefined()
})

import { expect, test } from 'vitest'
import type { Node } from '../model/kubernetes.ts'
import { createNodeCache, type NodeEntry, nodeEntry } from './node-cache.ts'

const node = (uid: string, status = 'True', message = '', heartbeat = '0'): NodeEntry =>
  nodeEntry({
    metadata: { name: `node-${uid}`, uid, resourceVersion: heartbeat },
    status: { conditions: [{ type: 'Ready', status, message, lastTransitionTime: '2030-01-01T00:00:00Z' }] },
  })

const DOWN = ['False', 'container runtime is down'] as const

test('a heartbeat changes nothing, a condition does', () => {
  const nodes = createNodeCache()
  expect(nodes.put(node('a'))).toBe(true)
  expect(nodes.put(node('a', 'True', '', '1'))).toBe(false)
  expect(nodes.put(node('a', ...DOWN))).toBe(true)
})

test('how the nodes are is unknown until all were read, and while they cannot be watched', () => {
  const nodes = createNodeCache()
  nodes.put(node('a'))
  expect(nodes.fact().known).toBe(false)
  nodes.synced()
  expect(nodes.fact()).toMatchObject({ known: true, value: [{ name: 'node-a', ready: true }] })
  nodes.unavailable('the right to list and watch nodes is missing')
  expect(nodes.fact()).toEqual({ known: false, why: 'the right to list and watch nodes is missing' })
})

test('a node that was made anew under its name is the one by that name', () => {
  const nodes = createNodeCache()
  nodes.put(node('a'))
  nodes.put({ ...node('b'), name: 'node-a' })
  nodes.drop('a')
  expect(nodes.named('node-a')?.uid).toBe('b')
  expect(nodes.all().map(({ uid }) => uid)).toEqual(['b'])
})

const aNode = (more: Partial<Node> = {}): Node => ({
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
    nodeInfo: { operatingSystem: 'linux', architecture: 'arm64' },
    images: [{ names: ['x'.repeat(10_000)] }],
  },
  ...more,
})

test('only what decisions read is kept', () => {
  expect(nodeEntry(aNode())).toEqual({
    name: 'node-1',
    uid: 'n',
    labels: { 'kubernetes.io/os': 'linux' },
    annotations: {},
    controlPlane: false,
    unschedulable: false,
    ready: false,
    platform: 'linux/arm64',
    readiness: {
      status: 'False',
      reason: 'KubeletNotReady',
      message: 'container runtime is down',
      since: '2030-01-01T00:00:00Z',
    },
  })
})

test('opt-out, cordon and control plane are seen', () => {
  const { metadata } = aNode()
  const labels = { 'node-role.kubernetes.io/control-plane': '' }
  const annotations = { 'podmend.io/exclude': 'true', other: 'x' }
  expect(
    nodeEntry(aNode({ metadata: { ...metadata, labels, annotations }, spec: { unschedulable: true } })),
  ).toMatchObject({ controlPlane: true, unschedulable: true, annotations: { 'podmend.io/exclude': 'true' } })
})

test('a node whose kubelet never spoke is not ready', () => {
  const entry = nodeEntry(aNode({ status: {} }))
  expect(entry.ready).toBe(false)
  expect(entry.readiness).toBeUndefined()
})

import { expect, test } from 'vitest'
import { createIncidents } from '../controller/incidents.ts'
import { createProcessNode } from '../controller/process-pod.ts'
import { detectNodeFailures } from '../diagnose/node/findings.ts'
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
  nodes.seen()
  expect(nodes.fact()).toMatchObject({ known: true, value: [{ name: 'node-a', ready: true }] })
  nodes.unseen('the right to list and watch nodes is missing')
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

const looking = () => {
  const nodes = createNodeCache()
  const incidents = createIncidents()
  const queued: string[] = []
  const look = createProcessNode({ state: { nodes, incidents }, enqueue: (key) => queued.push(key), now: () => 0 })
  return { nodes, incidents, queued, look }
}

test('a node that says that its runtime is down is an incident of its own, and leaves it when it is ready', () => {
  const { nodes, incidents, queued, look } = looking()
  nodes.put(node('a', ...DOWN))
  look('a')
  expect(queued).toEqual(['a/RuntimeUnresponsive'])
  expect(incidents.get('a/RuntimeUnresponsive')?.target).toEqual({
    apiVersion: 'v1',
    kind: 'Node',
    name: 'node-a',
    uid: 'a',
  })
  nodes.put(node('a'))
  look('a')
  expect(incidents.get('a/RuntimeUnresponsive')?.pods.size).toBe(0)
})

test('a node that is ready, or gone, opens nothing', () => {
  const { nodes, queued, look } = looking()
  nodes.put(node('a'))
  look('a')
  look('unheard-of')
  expect(queued).toEqual([])
})

test('pods and the node itself are one incident where they say the same', () => {
  const { nodes, incidents, look } = looking()
  nodes.put(node('a', ...DOWN))
  look('a')
  const target = { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'a' }
  const failing = { ...detectNodeFailures(node('a', ...DOWN), 0) }
  const pod = { ...failing, pod: { metadata: { name: 'p', namespace: 'web', uid: 'p', resourceVersion: '1' } } }
  incidents.report(pod, [{ target, areas: ['RuntimeUnresponsive'] }])
  expect([...(incidents.get('a/RuntimeUnresponsive')?.pods.keys() ?? [])]).toEqual(['a', 'p'])
})

const nodeNodeSighting = (more: Partial<Node> = {}): Node => ({
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
  expect(nodeEntry(nodeNodeSighting())).toEqual({
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
  const { metadata } = nodeNodeSighting()
  const labels = { 'node-role.kubernetes.io/control-plane': '' }
  const annotations = { 'podmend.io/exclude': 'true', other: 'x' }
  expect(
    nodeEntry(nodeNodeSighting({ metadata: { ...metadata, labels, annotations }, spec: { unschedulable: true } })),
  ).toMatchObject({ controlPlane: true, unschedulable: true, annotations: { 'podmend.io/exclude': 'true' } })
})

test('a node whose kubelet never spoke is not ready', () => {
  const entry = nodeEntry(nodeNodeSighting({ status: {} }))
  expect(entry.ready).toBe(false)
  expect(entry.readiness).toBeUndefined()
})

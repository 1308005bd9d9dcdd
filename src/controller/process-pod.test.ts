import { expect, test } from 'vitest'
import { detectNodeFailures } from '../diagnose/node/findings.ts'
import { createNodeCache, type NodeEntry, nodeEntry } from '../watch/node-cache.ts'
import { createIncidents } from './incidents.ts'
import { createProcessNode } from './failing-pods.ts'

const node = (uid: string, status = 'True', message = ''): NodeEntry =>
  nodeEntry({
    metadata: { name: `node-${uid}`, uid, resourceVersion: '0' },
    status: { conditions: [{ type: 'Ready', status, message, lastTransitionTime: '2030-01-01T00:00:00Z' }] },
  })

const KEY = '/Node/node-a/a/RuntimeUnresponsive'
const DOWN = ['False', 'container runtime is down'] as const

const setUp = () => {
  const nodes = createNodeCache()
  const incidents = createIncidents()
  const queued: string[] = []
  const processNode = createProcessNode({
    state: { nodes, incidents },
    enqueue: (key) => queued.push(key),
    now: () => 0,
  })
  return { nodes, incidents, queued, processNode }
}

test('a node that says that its runtime is down is an incident of its own, and leaves it when it is ready', () => {
  const { nodes, incidents, queued, processNode } = setUp()
  nodes.put(node('a', ...DOWN))
  processNode('a')
  expect(queued).toEqual([KEY])
  expect(incidents.get(KEY)?.target).toEqual({
    apiVersion: 'v1',
    kind: 'Node',
    name: 'node-a',
    uid: 'a',
  })
  nodes.put(node('a'))
  processNode('a')
  expect(incidents.get(KEY)?.pods.size).toBe(0)
})

test('a node that is ready, or gone, opens nothing', () => {
  const { nodes, queued, processNode } = setUp()
  nodes.put(node('a'))
  processNode('a')
  processNode('unheard-of')
  expect(queued).toEqual([])
})

test('pods and the node itself are one incident where they say the same', () => {
  const { nodes, incidents, processNode } = setUp()
  nodes.put(node('a', ...DOWN))
  processNode('a')
  const target = { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'a' }
  const failing = { ...detectNodeFailures(node('a', ...DOWN), 0) }
  const pod = { ...failing, pod: { metadata: { name: 'p', namespace: 'web', uid: 'p', resourceVersion: '1' } } }
  incidents.report(pod, [{ target, areas: ['RuntimeUnresponsive'] }])
  expect([...(incidents.get(KEY)?.pods.keys() ?? [])]).toEqual(['a', 'web/p/p'])
})

import { expect, it, test } from 'vitest'
import type { NodeSighting } from '../watch/node-sighting.ts'
import { areaOfFinding } from './findings.ts'
import { examineNode, isNodeItself } from './node-trouble.ts'

const NOW = Date.UTC(2030, 0, 1)

const node = (status: string, message: string): NodeSighting => ({
  name: 'node-1',
  uid: 'n',
  labels: {},
  annotations: {},
  controlPlane: false,
  unschedulable: false,
  ready: status === 'True',
  readiness: { status, reason: 'KubeletNotReady', message, since: '2029-12-31T23:59:00Z' },
})

it.each<[string, string, string | undefined]>([
  ['False', 'container runtime is down', 'kubelet'],
  [
    'False',
    '[container runtime is down, PLEG is not healthy: pleg was last seen active 3m9s ago; threshold is 3m0s]',
    'kubelet',
  ],
  ['False', 'PLEG is not healthy: pleg was last seen active 3m9s ago', 'kubelet'],
  ['False', 'container runtime status check may not have completed yet', 'kubelet'],
  ['False', 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady', undefined],
  ['False', 'failed to initialize CSINode', undefined],
  ['Unknown', 'Kubelet stopped posting node status.', 'event'],
  ['True', 'kubelet is posting ready status', undefined],
])('Ready is %s: %s', (status, message, witness) => {
  const { findings } = examineNode(node(status, message), NOW)
  expect(findings.map((finding) => [areaOfFinding(finding), finding.witness])).toEqual(
    witness === undefined ? [] : [['RuntimeUnresponsive', witness]],
  )
})

test('the node stands for itself among the failing pods, since it stopped being ready', () => {
  const { pod, since } = examineNode(node('False', 'container runtime is down'), NOW)
  expect(isNodeItself(pod)).toBe(true)
  expect(pod).toMatchObject({ metadata: { name: 'node-1', uid: 'n' }, spec: { nodeName: 'node-1' } })
  expect(pod.metadata.namespace).toBeUndefined()
  expect(since).toBe(NOW - 60_000)
})

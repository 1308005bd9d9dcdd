import type { Pod } from '../api/kubernetes.ts'
import type { NodeSighting } from '../watch/node-sighting.ts'
import type { FailingPod, Finding } from './incident.ts'

/**
 * What the kubelet writes on its own condition Ready when its runtime does not answer: pkg/kubelet/runtime.go. That the
 * network of the runtime is not ready is another cause.
 */
const RUNTIME_DOWN =
  /container runtime is down|PLEG is not healthy|container runtime status check may not have completed yet/i

/** What a node is in an incident's list of what fails: its own object in the place of a pod. */
const standIn = ({ name, uid, labels, annotations }: NodeSighting): Pod => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid, resourceVersion: '', labels, annotations },
  spec: { nodeName: name },
})

/** Whether an entry among the failing pods of an incident is the node itself. */
export const isNodeItself = ({ kind }: Pod): boolean => kind === 'Node'

const findingOf = ({ readiness }: NodeSighting): Finding | undefined => {
  if (readiness === undefined) return undefined
  const { status, message } = readiness
  const base = { container: '', init: false, image: '', cause: 'RuntimeUnresponsive', message, mayBe: [] } as const
  if (status === 'False' && RUNTIME_DOWN.test(message)) return { ...base, witness: 'kubelet' }
  // A silent kubelet may have died with its runtime, or its machine with it: only the agent can tell.
  if (status === 'Unknown') return { ...base, witness: 'event' }
  return undefined
}

/**
 * What a node says of itself by its condition Ready: that its runtime is down, by the kubelet's own word, or that the
 * kubelet is silent. No findings: nothing of it is the runtime's. `now` in ms since the epoch.
 */
export const examineNode = (node: NodeSighting, now: number): FailingPod => {
  const finding = findingOf(node)
  const since = Date.parse(node.readiness?.since ?? '')
  return { pod: standIn(node), findings: finding ? [finding] : [], since: Number.isNaN(since) ? now : since }
}

/** Incidents of nodes: a node that no kubelet plays, with a pod that never starts and an agent that answers tasks. */
import { pathOf } from '../src/kube/paths.ts'
import type { Pod } from '../src/model/kubernetes.ts'
import { registerNode } from '../testbed/kubelet/nodes.ts'
import { createStuckPod, runStuckPod, warnOf } from '../testbed/kubelet/stuck-pods.ts'
import { seeing, startAgents, wellNode, wipedNode } from '../test/agent/fake-agent.ts'
import { chainGone, NETNS_GONE } from '../test/node/messages.ts'
import type { Place } from './cluster.ts'
import { policyLabel, USUAL, type Workload } from './workload.ts'

export const nodeOf = ({ namespace }: Pick<Place, 'namespace'>): string => `${namespace}-node`

interface Incident {
  readonly cause: string
  readonly action: object
  readonly message: string
  /** Verb of the task that repairs it. */
  readonly verb: string
}

const begin = async (place: Place, { cause, action, message, verb }: Incident): Promise<void> => {
  const { cluster, lane, namespace, signal } = place
  const { api } = cluster
  const name = nodeOf(place)
  const [key = '', value = ''] = lane.nodeLabel.split('=')
  const labels = { [key]: value, ...policyLabel(namespace) }
  await registerNode(api, { name, labels }, { index: 200, runtime: 'docker' })
  const agents = startAgents(api, lane.operator)
  signal.addEventListener('abort', () => void agents.stop())
  const pods: Pod[] = []
  let isRepaired = false
  agents.nodes.set(name, (task) => {
    if (task.spec.verb === verb && !isRepaired) {
      isRepaired = true
      for (const pod of pods) runStuckPod(api, pod).catch(() => {})
    }
    return seeing(() => (isRepaired ? wellNode() : wipedNode()))(task)
  })
  await cluster.apply({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name: namespace, labels: policyLabel(namespace) },
    spec: {
      mode: 'Enforce',
      match: { causes: [cause], failingFor: '0s', nodeSelector: { matchLabels: policyLabel(namespace) } },
      actions: [action],
      limits: { maxUnhealthyNodes: '100%' },
    },
  })
  const pod = await createStuckPod(api, { namespace, node: name, ranBefore: verb === 'RecycleSandbox' })
  pods.push(pod)
  await warnOf(api, pod, 'FailedCreatePodSandBox', message)
}

const onNode = (name: string, incident: Incident): Workload => ({
  name,
  kind: 'Deployment',
  onNode: true,
  limits: USUAL,
  begin: (place) => begin(place, incident),
  isOver: ({ records }) => records.length === 1 && records[0]?.phase === 'Succeeded',
})

/** Cleans up what `begin` made for the whole cluster. */
export const removeNode = async ({ cluster, namespace }: Place): Promise<void> => {
  await cluster.api.call('DELETE', pathOf({ kind: 'Pod', namespace })).catch(() => {})
  await cluster.api.call('DELETE', pathOf({ kind: 'Node', name: nodeOf({ namespace }) })).catch(() => {})
}

export const NODE_WORKLOADS: readonly Workload[] = [
  onNode('restart-runtime', {
    cause: 'IptablesChainMissing',
    action: { type: 'RestartRuntime', timeout: '1m' },
    message: chainGone(),
    verb: 'RestartRuntime',
  }),
  onNode('recycle-sandbox', {
    cause: 'SandboxStale',
    action: { type: 'RecycleSandbox', timeout: '1m' },
    message: NETNS_GONE,
    verb: 'RecycleSandbox',
  }),
]

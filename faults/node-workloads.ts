/** Incidents of nodes: a node that no kubelet plays, with a pod that never starts and an agent that answers tasks. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeInspection } from '../src/api/node-task.ts'
import { pathOf } from '../src/kube/paths.ts'
import type { Pod } from '../src/model/kubernetes.ts'
import { INSTALL_LABEL } from '../src/model/names.ts'
import { registerNode } from '../testbed/kubelet/nodes.ts'
import { createStuckPod, runStuckPod, warnOf } from '../testbed/kubelet/stuck-pods.ts'
import { seeing, startAgents, wellNode, wipedNode } from '../test/agent/fake-agent.ts'
import { chainGone, NETNS_GONE, noHelper } from '../test/node/messages.ts'
import { type AgentHost, createAgentHost } from './agent-host.ts'
import { agentOf } from './agent-process.ts'
import type { Place } from './cluster.ts'
import { policyLabel, USUAL, type Workload } from './workload.ts'

/** No kubelet would end them. */
const AT_ONCE = { gracePeriodSeconds: 0 }
const MERGE = 'application/merge-patch+json'

export const nodeOf = ({ namespace }: Pick<Place, 'namespace'>): string => `${namespace}-node`

interface Incident {
  readonly cause: string
  readonly actions: readonly object[]
  readonly reason: string
  readonly message: string
  /** Verb of the task that repairs it, if a task does. */
  readonly verb?: string
  /** What a test sees in an agent's place before and after the repair. Without it there is an agent. */
  readonly look?: { readonly broken: () => NodeInspection; readonly repaired: () => NodeInspection }
}

const register = async ({ cluster, lane, namespace }: Place, runtime: 'docker' | 'containerd'): Promise<void> => {
  const [key = '', value = ''] = lane.nodeLabel.split('=')
  const labels = { [key]: value, ...policyLabel(namespace) }
  await registerNode(cluster.api, { name: nodeOf({ namespace }), labels }, { index: 200, runtime })
}

/** The node, its pod, its policy and its agent. `repair` is called when the remedy has run, once or more. */
const begin = async (place: Place, incident: Incident): Promise<{ readonly repair: () => void }> => {
  const { cause, actions, reason, message, verb, look } = incident
  const { cluster, lane, namespace, signal } = place
  const { api } = cluster
  const name = nodeOf(place)
  const pods: Pod[] = []
  let isRepaired = false
  const repair = (): void => {
    if (isRepaired) return
    isRepaired = true
    for (const pod of pods) runStuckPod(api, pod).catch(() => {})
  }
  if (look) {
    await register(place, 'docker')
    const agents = startAgents(api, lane.operator)
    signal.addEventListener('abort', () => void agents.stop())
    agents.nodes.set(name, (task) => {
      if (task.spec.verb === verb) repair()
      return seeing(() => (isRepaired ? look.repaired() : look.broken()))(task)
    })
  }
  await cluster.apply({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name: namespace, labels: policyLabel(namespace) },
    spec: {
      mode: 'Enforce',
      match: { causes: [cause], failingFor: '0s', nodeSelector: { matchLabels: policyLabel(namespace) } },
      actions,
      limits: { maxUnhealthyNodes: '100%' },
    },
  })
  const pod = await createStuckPod(api, { namespace, node: name, ranBefore: verb === 'RecycleSandbox' })
  pods.push(pod)
  await warnOf(api, pod, reason, message)
  return { repair }
}

const onNode = (name: string, incident: Incident): Workload => ({
  name,
  kind: 'Deployment',
  onNode: true,
  limits: USUAL,
  begin: async (place) => void (await begin(place, incident)),
  isOver: ({ records }) => records.length === 1 && records[0]?.phase === 'Succeeded',
})

/** Plays the kubelet and the host for the pod that installs a mount helper: it ends well as soon as it is there. */
const runInstallers = async ({ cluster: { api }, lane, signal, ...place }: Place, done: () => void): Promise<void> => {
  const selector = `labelSelector=${encodeURIComponent(INSTALL_LABEL)}`
  while (!signal.aborted) {
    const path = `${pathOf({ kind: 'Pod', namespace: lane.operator })}?${selector}`
    const { items } = await api.call<{ items: Pod[] }>('GET', path)
    for (const { metadata, spec, status } of items) {
      if (spec?.nodeName !== nodeOf(place) || status?.phase === 'Succeeded') continue
      done()
      const at = pathOf({ kind: 'Pod', namespace: lane.operator, name: metadata.name, subresource: 'status' })
      await api.call('PATCH', at, { status: { phase: 'Succeeded' } }, MERGE).catch(() => {}) // it may be gone
    }
    await sleep(100)
  }
}

const mountHelperMissing = (actions: readonly object[]): Incident => ({
  cause: 'MountHelperMissing',
  actions,
  reason: 'FailedMount',
  message: noHelper(),
  look: {
    broken: wellNode,
    repaired: () => wellNode({ mounts: { known: true, helpers: ['nfs'], filesystems: ['ext4', 'overlay'] } }),
  },
})

const INSTALL_ACTIONS = [{ type: 'InstallMountHelper', timeout: '1m' }]

const installMountHelper: Workload = {
  ...onNode('install-mount-helper', mountHelperMissing(INSTALL_ACTIONS)),
  args: ['--agent-image=registry.test/podmend-agent:1'],
  begin: async (place) => {
    const { repair } = await begin(place, mountHelperMissing(INSTALL_ACTIONS))
    runInstallers(place, repair).catch(() => {}) // the end of the run shows what it lacks
  },
}

const HUNG: Incident = {
  cause: 'RuntimeUnresponsive',
  actions: [{ type: 'RestartRuntime', timeout: '2m' }],
  reason: 'FailedCreatePodSandBox',
  message: 'Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
}

/** Of the runs that are played now, by their namespace. */
const hosts = new Map<string, { readonly host: AgentHost; onRestart: () => void }>()

/** The agent as it is shipped, on a host whose containerd hangs until it is restarted. */
const agentRestart: Workload = {
  ...onNode('agent-restart', HUNG),
  agent: async (place) => {
    await register(place, 'containerd')
    const host = await createAgentHost(() => hosts.get(place.namespace)?.onRestart())
    hosts.set(place.namespace, { host, onRestart: () => undefined })
    place.signal.addEventListener('abort', () => {
      hosts.delete(place.namespace)
      void host.close()
    })
    return agentOf(place, nodeOf(place), [...host.flags, '--verbs=Inspect,RestartRuntime'])
  },
  begin: async (place) => {
    const { repair } = await begin(place, HUNG)
    const mine = hosts.get(place.namespace)
    if (!mine) throw new Error('the agent has no host')
    mine.onRestart = repair
  },
  judge: ({ namespace }) => {
    const restarts = hosts.get(namespace)?.host.restarts() ?? 0
    return restarts > 1 ? [`the runtime was restarted ${restarts} times`] : []
  },
}

/** Cleans up what `begin` made outside the namespace. */
export const removeNode = async ({ cluster, lane, namespace }: Place): Promise<void> => {
  await cluster.api
    .call('DELETE', pathOf({ kind: 'Pod', namespace: lane.operator, name: `agent-${nodeOf({ namespace })}` }), AT_ONCE)
    .catch(() => {})
  const installers = `${pathOf({ kind: 'Pod', namespace: lane.operator })}?labelSelector=${encodeURIComponent(INSTALL_LABEL)}`
  await cluster.api.call('DELETE', installers, AT_ONCE).catch(() => {})
  await cluster.api.call('DELETE', pathOf({ kind: 'Pod', namespace })).catch(() => {})
  await cluster.api.call('DELETE', pathOf({ kind: 'Node', name: nodeOf({ namespace }) })).catch(() => {})
}

export const NODE_WORKLOADS: readonly Workload[] = [
  onNode('restart-runtime', {
    cause: 'IptablesChainMissing',
    actions: [{ type: 'RestartRuntime', timeout: '1m' }],
    reason: 'FailedCreatePodSandBox',
    message: chainGone(),
    verb: 'RestartRuntime',
    look: { broken: wipedNode, repaired: wellNode },
  }),
  onNode('recycle-sandbox', {
    cause: 'SandboxStale',
    actions: [{ type: 'RecycleSandbox', timeout: '1m' }],
    reason: 'FailedCreatePodSandBox',
    message: NETNS_GONE,
    verb: 'RecycleSandbox',
    look: { broken: wipedNode, repaired: wellNode },
  }),
  onNode('flag-node', mountHelperMissing([{ type: 'FlagNode', flagNode: { taint: 'NoSchedule' } }])),
  installMountHelper,
  agentRestart,
]

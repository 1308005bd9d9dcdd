/** Nodes that say of themselves what a kubelet would, and pods on them that never start: no kubelet runs. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import type { Remediation } from '../../src/api/kinds.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { Pod } from '../../src/model/kubernetes.ts'
import { type Controller, installController, startController } from '../../testbed/controller.ts'
import { eventually, type Patience, type TestCluster, useControlPlane } from '../../testbed/fixture.ts'
import { type Api, openApi } from '../../testbed/kubelet/api.ts'
import { registerNode } from '../../testbed/kubelet/nodes.ts'
import { type FakeAgent, startAgents } from '../agent/fake-agent.ts'
import { FAST_PATIENCE } from './messages.ts'

export const OPERATOR = 'podmend-system'
const MERGE = 'application/merge-patch+json'

export interface StuckPod {
  readonly namespace: string
  readonly name?: string
  readonly node: string
  readonly labels?: Readonly<Record<string, string>>
  /** Its container ended well when its sandbox went; default: it never started. */
  readonly ranBefore?: boolean
}

export interface NodeFixture {
  readonly cluster: TestCluster
  readonly api: Api
  readonly agents: FakeAgent
  readonly kubeconfig: string
  readonly controller: Controller
  start(args?: readonly string[]): Promise<Controller>
  /** A fresh node that is ready. */
  node(labels?: Readonly<Record<string, string>>): Promise<string>
  /** Sets the node's condition Ready, as its kubelet would. */
  readiness(node: string, status: 'True' | 'False' | 'Unknown', message: string): Promise<void>
  /** A pod on the node that waits in ContainerCreating, without a sandbox. */
  stuck(pod: StuckPod): Promise<Pod>
  /** A kubelet's Warning about the pod. */
  says(pod: Pod, reason: string, message: string): Promise<void>
  /** The pod's sandbox is made, and it runs. */
  runs(pod: Pod): Promise<void>
  policy(name: string, spec: object): Promise<void>
  /** Records about the node, wherever they lie. */
  recordsOf(node: string): Promise<readonly Remediation[]>
  /** The only record about the node, once it is as wanted. */
  record(node: string, wanted?: { phase?: string; reason?: string }, patience?: Patience): Promise<Remediation>
}

export interface NodeFixtureOptions {
  readonly args?: readonly string[]
  readonly runs?: boolean
}

const now = (): string => new Date().toISOString()

export const useNodeFixture = (options: NodeFixtureOptions = {}): NodeFixture => {
  const cluster = useControlPlane()
  const started: Controller[] = []
  let parts: { api: Api; kubeconfig: string; agents: FakeAgent } | undefined
  let nodes = 0
  const up = () => {
    if (!parts) throw new Error('the scene is there inside tests and hooks only')
    return parts
  }
  const call: Api['call'] = (...args) => up().api.call(...args)

  const start = async (args: readonly string[] = []): Promise<Controller> => {
    // Silent agents keep workers waiting; tests that run beside must not wait for them.
    const flags = ['--stabilization-window', '1s', '--concurrency', '32', ...(options.args ?? []), ...args]
    const controller = await startController({ kubeconfig: up().kubeconfig, args: flags })
    started.push(controller)
    return controller
  }

  beforeAll(async () => {
    const kubeconfig = await installController(cluster.plane)
    const api = openApi(cluster.plane.kubeconfig)
    parts = { api, kubeconfig, agents: startAgents(api, OPERATOR) }
    if (options.runs ?? true) await start()
  }, 180_000)

  afterAll(async () => {
    for (const controller of started) await controller.kill('SIGKILL')
    await parts?.agents.stop()
    parts?.api.close()
  })

  const podStatus = (pod: Pod, status: object): Promise<unknown> => {
    const { namespace, name } = pod.metadata
    return call('PATCH', pathOf({ kind: 'Pod', namespace, name, subresource: 'status' }), { status }, MERGE)
  }

  const recordsOf = async (node: string): Promise<readonly Remediation[]> => {
    const { items } = await call<{ items: Remediation[] }>('GET', pathOf({ kind: 'Remediation' }))
    return items.filter(({ spec }) => spec.target.kind === 'Node' && spec.target.name === node)
  }

  return {
    cluster,
    start,
    recordsOf,
    get api() {
      return up().api
    },
    get agents() {
      return up().agents
    },
    get kubeconfig() {
      return up().kubeconfig
    },
    get controller() {
      const last = started.at(-1)
      if (!last) throw new Error('no controller was started')
      return last
    },
    node: async (labels = {}) => {
      const name = `node-${randomUUID().slice(0, 8)}`
      await registerNode(up().api, { name, labels }, { index: (nodes += 1), runtime: 'containerd' })
      return name
    },
    readiness: async (node, status, message) => {
      const reason = status === 'True' ? 'KubeletReady' : status === 'False' ? 'KubeletNotReady' : 'NodeStatusUnknown'
      const condition = { type: 'Ready', status, reason, message, lastHeartbeatTime: now(), lastTransitionTime: now() }
      const path = pathOf({ kind: 'Node', name: node, subresource: 'status' })
      await call('PATCH', path, { status: { conditions: [condition] } }, MERGE)
    },
    stuck: async ({ namespace, node, labels = {}, name = `stuck-${randomUUID().slice(0, 8)}`, ranBefore = false }) => {
      const pod = await call<Pod>('POST', pathOf({ kind: 'Pod', namespace }), {
        metadata: { name, labels },
        spec: {
          nodeName: node,
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'app', image: 'registry.test/app:1' }],
          // What Events report of a mount has to be about a volume of this pod.
          volumes: [{ name: 'data', nfs: { server: 'hdss7-200', path: '/data/jenkins' } }],
        },
      })
      const conditions = [
        { type: 'PodReadyToStartContainers', status: 'False', lastTransitionTime: now() },
        { type: 'Ready', status: 'False', reason: 'ContainersNotReady', lastTransitionTime: now() },
      ]
      const waits = { name: 'app', image: 'registry.test/app:1', imageID: '', ready: false, restartCount: 0 }
      const ended = { terminated: { exitCode: 0, reason: 'Completed', finishedAt: now() } }
      const state = ranBefore ? ended : { waiting: { reason: 'ContainerCreating' } }
      const containerStatuses = [{ ...waits, state }]
      await podStatus(pod, {
        phase: ranBefore ? 'Running' : 'Pending',
        startTime: now(),
        conditions,
        containerStatuses,
      })
      return pod
    },
    says: async ({ metadata: { namespace, name, uid } }, reason, message) => {
      await call('POST', pathOf({ kind: 'Event', namespace }), {
        metadata: { generateName: `${name}.` },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
        type: 'Warning',
        reason,
        message,
        count: 1,
        firstTimestamp: now(),
        lastTimestamp: now(),
        source: { component: 'kubelet' },
        reportingComponent: 'kubelet',
      })
    },
    runs: async (pod) => {
      const conditions = ['PodReadyToStartContainers', 'Ready', 'ContainersReady'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: now(),
      }))
      const state = { running: { startedAt: now() } }
      const status = { name: 'app', image: 'registry.test/app:1', imageID: '', ready: true, started: true, state }
      await podStatus(pod, {
        phase: 'Running',
        conditions,
        containerStatuses: [{ ...status, restartCount: 0, containerID: 'containerd://1' }],
      })
    },
    policy: async (name, spec) => {
      const policy = {
        apiVersion: 'podmend.io/v1alpha1',
        kind: 'RemediationPolicy',
        metadata: { name },
        spec: { mode: 'Enforce', ...spec },
      }
      await cluster.applyYaml(JSON.stringify(policy))
    },
    record: (node, { phase, reason } = {}, patience = FAST_PATIENCE) =>
      eventually(async () => {
        const found = await recordsOf(node)
        const [only] = found
        const fits =
          (phase === undefined || only?.status?.phase === phase) &&
          (reason === undefined || only?.status?.reason === reason)
        if (found.length !== 1 || !only?.status || !fits) {
          const told = found.map(
            ({ spec, status }) => `${spec.cause}: ${status?.phase} ${status?.reason} (${status?.message})`,
          )
          throw new Error(`wanted one record ${phase ?? ''} ${reason ?? ''}, there is: ${told.join('; ') || 'none'}`)
        }
        return only
      }, patience),
  }
}

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
import { createStuckPod, runStuckPod, type StuckPod, warnOf } from '../../testbed/kubelet/stuck-pods.ts'
import { type FakeAgent, startAgents } from '../agent/fake-agent.ts'
import { FAST_PATIENCE } from './messages.ts'

export const OPERATOR = 'podmend-system'
const MERGE = 'application/merge-patch+json'

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
  /** The only record about the node that is as wanted; of the others, which came before or after it, one is open at most. */
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
    stuck: (pod) => createStuckPod(up().api, pod),
    says: (pod, reason, message) => warnOf(up().api, pod, reason, message),
    runs: (pod) => runStuckPod(up().api, pod),
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
        const fits = ({ status }: Remediation): boolean =>
          status !== undefined &&
          (phase === undefined || status.phase === phase) &&
          (reason === undefined || status.reason === reason)
        const [only, ...others] = found.filter(fits)
        const open = found.filter(({ status }) => status?.finishedAt === undefined)
        if (!only || others.length > 0 || open.length > 1) {
          const told = found.map(
            ({ spec, status }) => `${spec.cause}: ${status?.phase} ${status?.reason} (${status?.message})`,
          )
          throw new Error(`wanted one record ${phase ?? ''} ${reason ?? ''}, there is: ${told.join('; ') || 'none'}`)
        }
        return only
      }, patience),
  }
}

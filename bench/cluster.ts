/** The cluster on which everything is measured: control plane, podmend's objects and rights, nodes, users. */
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKubeClient, type KubeClient } from '../src/kube/client.ts'
import { loadKubeConnection } from '../src/kube/connection.ts'
import { pathOf } from '../src/kube/paths.ts'
import { type ControlPlane, startControlPlane } from '../testbed/control-plane/control-plane.ts'
import { CONTROLLER_USER, installController } from '../testbed/controller.ts'
import { eventually } from '../testbed/eventually.ts'
import { kubectlOf } from '../testbed/kubectl.ts'
import { concurrently } from './concurrently.ts'
import { healthyPod, node, nodeStatus, runningStatus } from './objects.ts'
import { makeAccountFolder } from './service-account.ts'

export const USERS = {
  podmend: CONTROLLER_USER,
  reference: 'system:serviceaccount:bench:reference',
  bare: 'system:serviceaccount:bench:bare',
  controllerRuntime: 'bench-controller-runtime',
  controllerRuntimeTuned: 'bench-tuned-controller-runtime',
  kopf: 'bench-kopf',
  descheduler: 'bench-descheduler',
  /** Writes the failing statuses, and nothing else. */
  breaker: 'bench-breaker',
  /** Creates and runs everything. */
  loader: 'bench-loader',
} as const
export type User = keyof typeof USERS

export interface BenchCluster {
  readonly plane: ControlPlane
  /** Kubeconfigs by user. */
  readonly kubeconfigs: Readonly<Record<User, string>>
  /** What a kubelet would mount into podmend's pod; undefined without the right to mount. */
  readonly accountFolder: string | undefined
  readonly loader: KubeClient
  readonly breaker: KubeClient
  /** Name of the node of the i-th workload; no two share one. */
  readonly nodeOf: (index: number) => string
  readonly makeNamespace: (name: string) => Promise<void>
  /** Makes healthy pods until there are so many. */
  readonly makeHealthy: (count: number, progress: (text: string) => void) => Promise<void>
}

/** The namespace of the healthy pods. */
export const HEALTHY = 'healthy'

const ROLES = ['podmend-observe', 'podmend-recycle-pod', 'podmend-rewrite-image']

/** The other contenders have the same rights as podmend. */
const binding = (role: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: `bench-${role}` },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: ['reference', 'bare'].map((name) => ({ kind: 'ServiceAccount', name, namespace: 'bench' })),
})

/** Starts the control plane; the caller ends it with `plane.down`. */
export const makeCluster = async (nodes: number): Promise<BenchCluster> => {
  const plane = await startControlPlane()
  try {
    return await furnish(plane, nodes)
  } catch (cause) {
    await plane.down()
    throw new Error('preparing the cluster', { cause })
  }
}

const furnish = async (plane: ControlPlane, nodes: number): Promise<BenchCluster> => {
  const kubectl = kubectlOf(plane)
  const installed = await installController(plane)
  await kubectl(['apply', '-f', '-'], { input: ROLES.map((role) => JSON.stringify(binding(role))).join('\n---\n') })

  const kubeconfigs: Partial<Record<User, string>> = { podmend: installed }
  for (const [user, name] of Object.entries(USERS) as [User, string][]) {
    if (user === 'podmend') continue
    const groups = name.startsWith('bench-') ? ['system:masters'] : ['system:serviceaccounts']
    kubeconfigs[user] = await plane.userKubeconfig(name, groups)
  }
  const clientOf = async (user: User): Promise<KubeClient> =>
    createKubeClient(await loadKubeConnection({ kubeconfig: kubeconfigs[user] }), {
      userAgent: 'bench',
      maxSockets: 24,
    })
  const loader = await clientOf('loader')

  // Only in a pod does podmend run without the library that parses kubeconfigs.
  const accountFolder =
    process.getuid?.() === 0
      ? await makeAccountFolder(
          { client: loader, plane },
          { name: 'podmend', namespace: 'podmend-system', serviceAccount: 'podmend-controller' },
        )
      : undefined
  const nodeOf = (index: number): string => `n${index % nodes}`
  await concurrently(Array(nodes).keys(), 16, async (index) => {
    const name = nodeOf(index)
    await loader.create(pathOf({ kind: 'Node' }), node(name))
    await loader.patch(pathOf({ kind: 'Node', name, subresource: 'status' }), nodeStatus(), { type: 'merge' })
  })

  const makeNamespace = async (name: string): Promise<void> => {
    await loader.create(pathOf({ kind: 'Namespace' }), { metadata: { name } })
    const account = pathOf({ kind: 'ServiceAccount', namespace: name, name: 'default' })
    await eventually(() => loader.get(account), { everyMs: 50 })
  }

  let healthy = 0
  const makeHealthy = async (count: number, progress: (text: string) => void): Promise<void> => {
    if (healthy === 0) await makeNamespace(HEALTHY)
    const from = healthy
    await concurrently(Array(Math.max(0, count - from)).keys(), 24, async (index) => {
      const pod = healthyPod(from + index, nodeOf(index))
      await loader.create(pathOf({ kind: 'Pod', namespace: HEALTHY }), pod)
      const { name } = pod.metadata
      const path = pathOf({ kind: 'Pod', namespace: HEALTHY, name, subresource: 'status' })
      await loader.patch(path, runningStatus(), { type: 'merge' })
      healthy += 1
      if (healthy % 5_000 === 0) progress(`${healthy} of ${count} healthy pods`)
    })
    await sleep(1_000)
  }

  const breaker = await clientOf('breaker')
  return {
    plane,
    kubeconfigs: kubeconfigs as Record<User, string>,
    accountFolder,
    loader,
    breaker,
    nodeOf,
    makeNamespace,
    makeHealthy,
  }
}

/** The same kubeconfig with the API server at `url`; returns its path. */
export const redirected = (kubeconfig: string, url: string): string => {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] }
  for (const { cluster } of config.clusters) cluster.server = url
  const path = `${kubeconfig}.${new URL(url).port}`
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  return path
}

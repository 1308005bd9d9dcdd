/** Plans of remedies on nodes, as decide makes them, for a node that stands on the server. */
import type { KubeObject } from '../../src/model/kubernetes.ts'
import type { NodeTaskRequest } from '../../src/model/plan.ts'
import type { FlagNodePlan } from '../../src/remedies/flag-node/plan.ts'
import type { InstallMountHelperPlan } from '../../src/remedies/install-mount-helper/plan.ts'
import type { RecycleSandboxPlan } from '../../src/remedies/recycle-sandbox/plan.ts'
import type { RestartRuntimePlan } from '../../src/remedies/restart-runtime/plan.ts'
import type { TestCluster } from '../../testbed/fixture.ts'

export const aNode = async (cluster: TestCluster, name: string, spec: object = {}): Promise<KubeObject> => {
  await cluster.applyYaml(
    JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { zone: 'a' } }, spec }),
  )
  return cluster.get<KubeObject>('node', name)
}

const baseOf = ({ metadata: { name, uid } }: KubeObject) => ({
  index: 0,
  hash: 'hash',
  diff: '',
  timeoutMs: 60_000,
  target: { apiVersion: 'v1', kind: 'Node', name, uid },
  pods: [],
})

export const restartPlan = (node: KubeObject, name: string): RestartRuntimePlan => {
  const task: NodeTaskRequest = {
    name,
    spec: {
      nodeName: node.metadata.name,
      nodeUid: node.metadata.uid,
      verb: 'RestartRuntime',
      restartRuntime: { runtime: 'docker', reason: 'ChainMissing' },
    },
  }
  return {
    ...baseOf(node),
    type: 'RestartRuntime',
    runtime: 'docker',
    reason: 'ChainMissing',
    touches: '',
    tasks: [task],
  }
}

export const recyclePlan = (node: KubeObject, names: readonly string[]): RecycleSandboxPlan => ({
  ...baseOf(node),
  type: 'RecycleSandbox',
  pods: names.map((name) => ({ namespace: 'web', name, uid: `uid-${name}` })),
  tasks: names.map((name) => ({
    name,
    spec: {
      nodeName: node.metadata.name,
      nodeUid: node.metadata.uid,
      verb: 'RecycleSandbox',
      recycleSandbox: { podUid: `uid-${name}` },
    },
  })),
})

export const flagPlan = (node: KubeObject, words: Partial<FlagNodePlan> = {}): FlagNodePlan => ({
  ...baseOf(node),
  type: 'FlagNode',
  cause: 'MountHelperMissing',
  detail: 'nfs',
  reason: 'NFSHelperMissing',
  message: 'install nfs-common: apt-get install -y nfs-common',
  taint: true,
  ...words,
})

export const installPlan = (node: KubeObject, words: Partial<InstallMountHelperPlan> = {}): InstallMountHelperPlan => ({
  ...baseOf(node),
  type: 'InstallMountHelper',
  fsType: 'nfs',
  packageName: 'nfs-common',
  podName: `install-${node.metadata.name}`,
  ...words,
})

import { type Api, ApiError } from './api.ts'
import type { NodeSelectorTerm, Pod } from './objects.ts'
import type { Runtime } from './pull-messages.ts'

export interface NodeOptions {
  readonly name: string
  /** Default `amd64`. */
  readonly arch?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Bears the control plane's label. */
  readonly controlPlane?: boolean
}

export interface RegisteredNode {
  readonly name: string
  readonly arch: string
  readonly labels: Readonly<Record<string, string>>
  readonly ip: string
}

const RUNTIME_VERSIONS: Record<Runtime, string> = { containerd: 'containerd://1.7.28', docker: 'docker://20.10.24' }
const MERGE = 'application/merge-patch+json'

const asOptions = (node: string | NodeOptions): NodeOptions => (typeof node === 'string' ? { name: node } : node)

/** Makes the Node, or takes the one that is there, and says that it is ready. */
export const registerNode = async (
  api: Api,
  given: string | NodeOptions,
  { index, runtime }: { index: number; runtime: Runtime },
): Promise<RegisteredNode> => {
  const { name, arch = 'amd64', labels: more = {}, controlPlane = false } = asOptions(given)
  const labels = {
    'kubernetes.io/arch': arch,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/hostname': name,
    ...(controlPlane && { 'node-role.kubernetes.io/control-plane': '' }),
    ...more,
  }
  const ip = `192.0.2.${index + 1}`
  try {
    await api.call('POST', '/api/v1/nodes', { metadata: { name, labels } })
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.status !== 409) throw cause
    await api.call('PATCH', `/api/v1/nodes/${name}`, { metadata: { labels } }, MERGE)
  }
  // Admission calls new nodes not ready; the controller that would see that they are is not running.
  await api.call('PATCH', `/api/v1/nodes/${name}`, { spec: { taints: null } }, MERGE)
  const now = new Date().toISOString()
  const resources = { cpu: '64', memory: '256Gi', pods: '20000', 'ephemeral-storage': '500Gi' }
  const status = {
    addresses: [
      { type: 'InternalIP', address: ip },
      { type: 'Hostname', address: name },
    ],
    capacity: resources,
    allocatable: resources,
    nodeInfo: {
      architecture: arch,
      operatingSystem: 'linux',
      osImage: 'Debian GNU/Linux 12 (bookworm)',
      kernelVersion: '6.1.0-31-amd64',
      containerRuntimeVersion: RUNTIME_VERSIONS[runtime],
      kubeletVersion: 'v1.36.3',
      kubeProxyVersion: '',
      machineID: '',
      systemUUID: '',
      bootID: '',
    },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'kubelet is posting ready status',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
  }
  await api.call('PATCH', `/api/v1/nodes/${name}/status`, { status }, MERGE)
  return { name, arch, labels, ip }
}

/** Publishes the images that a node holds, as the kubelet does for the scheduler. */
export const writeImages = (api: Api, node: string, images: readonly { names: string[] }[]): Promise<unknown> =>
  api.call('PATCH', `/api/v1/nodes/${node}/status`, { status: { images } }, MERGE)

const fits = ({ name, labels }: RegisteredNode, { matchFields = [], matchExpressions = [] }: NodeSelectorTerm) =>
  [
    ...matchFields.map((requirement) => ({ ...requirement, value: name })),
    ...matchExpressions.map((requirement) => ({ ...requirement, value: labels[requirement.key] })),
  ].every(({ operator, values = [], value }) => {
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    const isIn = value !== undefined && values.includes(value)
    return operator === 'NotIn' ? !isIn : isIn
  })

/** The nodes that a pod may run on, by its node selector and required affinity: as much of a scheduler as is needed. */
export const fittingNodes = (pod: Pod, nodes: readonly RegisteredNode[]): RegisteredNode[] => {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  return nodes.filter(
    (node) =>
      Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => node.labels[key] === value) &&
      (!terms || terms.some((term) => fits(node, term))),
  )
}

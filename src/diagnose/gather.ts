import { normalImage } from '../api/image-reference.ts'
import type { KubeObject, Node } from '../api/kubernetes.ts'
import { pathOf } from '../runtime/paths.ts'
import { createAskRegistries } from './ask-registries.ts'
import { type FactName, type Facts, type Incident, type NodeFacts, unknown } from './incident.ts'
import { readPods } from './read-pods.ts'
import { readFact, type Reads } from './reads.ts'
import type { Registry } from './registry/registry.ts'

export interface GatherDeps {
  readonly reads: Reads
  readonly registry: Pick<Registry, 'ask'>
  /** Whether secrets may be read at all; without it registries are asked as anybody. Default true. */
  readonly readPullSecrets?: boolean
}

const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']

const nodeFacts = ({ metadata, spec, status }: Node): NodeFacts => {
  const labels = metadata.labels ?? {}
  const info = status?.nodeInfo
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    unschedulable: spec?.unschedulable ?? false,
    conditions: (status?.conditions ?? []).map(({ type, status: is = '', reason, message, lastTransitionTime }) => ({
      type,
      status: is,
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
      ...(lastTransitionTime !== undefined && { lastTransitionTime }),
    })),
    labels,
    annotations: metadata.annotations ?? {},
    platform: info?.operatingSystem && info.architecture ? `${info.operatingSystem}/${info.architecture}` : '',
    controlPlane: CONTROL_PLANE.some((label) => labels[label] !== undefined),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
  }
}

const readNamespace = async ({ owner }: Incident, reads: Reads): Promise<Facts['namespace'] & object> => {
  const name = owner.ref.namespace
  if (name === undefined) return unknown(`${owner.ref.kind} ${owner.ref.name} is in no namespace`)
  return readFact(reads, pathOf({ kind: 'Namespace', name }), ({ metadata }: KubeObject) => ({
    name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  }))
}

const readNode = async ({ pods }: Incident, reads: Reads): Promise<Facts['node'] & object> => {
  const name = pods.map(({ pod }) => pod.spec?.nodeName).find(Boolean)
  if (!name) return unknown(pods.length === 0 ? 'no pod fails any more' : 'the pod has no node')
  return readFact(reads, pathOf({ kind: 'Node', name }), nodeFacts)
}

const wants = (names: readonly FactName[], fact: FactName['fact']): boolean => names.some((name) => name.fact === fact)

const namedIn = (names: readonly FactName[]) =>
  names.flatMap((name) => (name.fact === 'pods' ? (name.named ?? []) : []))

/**
 * Reads the facts that are asked for, all at once, and adds them to those at hand. What cannot be read is unknown and
 * says why, naming the right that is missing. Never rejects.
 */
export const createGather = ({ reads, registry, readPullSecrets = true }: GatherDeps) => {
  const askRegistries = createAskRegistries({ reads, registry, readPullSecrets })

  return async (incident: Incident, names: readonly FactName[], have: Facts): Promise<Facts> => {
    const images = [...new Set(names.flatMap((name) => (name.fact === 'registry' ? [normalImage(name.image)] : [])))]
    const [namespace, node, pods, asked] = await Promise.all([
      wants(names, 'namespace') ? readNamespace(incident, reads) : have.namespace,
      wants(names, 'node') ? readNode(incident, reads) : have.node,
      wants(names, 'pods') ? readPods(incident, namedIn(names), reads) : have.pods,
      images.length > 0 ? askRegistries(incident.pods[0]?.pod, images, have) : {},
    ])
    return { ...have, ...(namespace && { namespace }), ...(node && { node }), ...(pods && { pods }), ...asked }
  }
}

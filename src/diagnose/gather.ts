import { normalImage } from '../api/image-reference.ts'
import type { KubeObject, Node, Pod } from '../api/kubernetes.ts'
import { notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import { createAskRegistries } from './ask-registries.ts'
import {
  type Fact,
  type FactName,
  type Facts,
  type Incident,
  known,
  type NodeFacts,
  type Owner,
  unknown,
} from './incident.ts'
import { readFact, type Reads, whyUnread } from './reads.ts'
import type { Registry } from './registry/registry.ts'
import { formatSelector } from './selector.ts'

export interface GatherDeps {
  readonly reads: Reads
  readonly registry: Pick<Registry, 'ask'>
  /** Whether secrets may be read at all; without it registries are asked as anybody. Default true. */
  readonly readPullSecrets?: boolean
}

const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']

const nodeFacts = ({ metadata, status }: Node): NodeFacts => {
  const labels = metadata.labels ?? {}
  const info = status?.nodeInfo
  return {
    name: metadata.name,
    labels,
    annotations: metadata.annotations ?? {},
    platform: info?.operatingSystem && info.architecture ? `${info.operatingSystem}/${info.architecture}` : '',
    controlPlane: CONTROL_PLANE.some((label) => labels[label] !== undefined),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
  }
}

/**
 * Whether a pod belongs to an owner: by its controller's uid, or, one step down, by its ReplicaSet's name, which is the
 * Deployment's with the pod's template hash behind it.
 */
const belongsTo = (owner: Owner, pod: Pod): boolean => {
  const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller === true)
  if (controller?.uid === owner.ref.uid) return true
  const hash = pod.metadata.labels?.['pod-template-hash']
  return (
    owner.ref.kind === 'Deployment' &&
    controller?.kind === 'ReplicaSet' &&
    hash !== undefined &&
    controller.name === `${owner.ref.name}-${hash}`
  )
}

const readPods = async ({ owner }: Incident, reads: Reads): Promise<Fact<readonly Pod[]>> => {
  const { ref } = owner
  const { namespace } = ref
  if (ref.kind === 'Pod') {
    const path = pathOf({ kind: 'Pod', namespace, name: ref.name })
    try {
      const pod = await reads.get<Pod>(path)
      return known(pod.metadata.uid === ref.uid ? [pod] : [])
    } catch (error) {
      return notFound(error) ? known([]) : unknown(whyUnread(path, error))
    }
  }
  const labelSelector = formatSelector(owner.selector)
  if (labelSelector === undefined) return unknown(`${ref.kind} ${ref.name} has no selector for its pods`)
  const path = pathOf({ kind: 'Pod', namespace })
  try {
    const { items } = await reads.list<Pod>(path, { labelSelector })
    return known(items.filter((pod) => belongsTo(owner, pod)))
  } catch (error) {
    return unknown(whyUnread(path, error))
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

/**
 * Reads the facts that are asked for, all at once, and adds them to those at hand. What cannot be read is unknown and
 * says why, naming the right that is missing. The pods are one LIST bounded by the owner's selector. Never rejects.
 */
export const createGather = ({ reads, registry, readPullSecrets = true }: GatherDeps) => {
  const askRegistries = createAskRegistries({ reads, registry, readPullSecrets })

  return async (incident: Incident, names: readonly FactName[], have: Facts): Promise<Facts> => {
    const images = [...new Set(names.flatMap((name) => (name.fact === 'registry' ? [normalImage(name.image)] : [])))]
    const [namespace, node, pods, asked] = await Promise.all([
      wants(names, 'namespace') ? readNamespace(incident, reads) : have.namespace,
      wants(names, 'node') ? readNode(incident, reads) : have.node,
      wants(names, 'pods') ? readPods(incident, reads) : have.pods,
      images.length > 0 ? askRegistries(incident.pods[0]?.pod, images, have) : {},
    ])
    return { ...have, ...(namespace && { namespace }), ...(node && { node }), ...(pods && { pods }), ...asked }
  }
}

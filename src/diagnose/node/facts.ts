/** Facts of an incident of a node. */
import type { NodeTask } from '../../api/kinds.ts'
import type { Reads } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import type { Lease } from '../../kube/leader-election.ts'
import type { NodeLeases } from '../../kube/node-leases.ts'
import { METADATA_ONLY, pathOf, whyUnread } from '../../kube/paths.ts'
import {
  type Fact,
  type Incident,
  known,
  type NamespaceFacts,
  type NodeFacts,
  type Owner,
  type PodNode,
  unknown,
} from '../../model/incident.ts'
import { type KubeObject, type Node, type ObjectRef, platformOf, type Pod } from '../../model/kubernetes.ts'
import { CONTROL_PLANE_LABELS } from '../../model/names.ts'
import { type NodeLease, nodeLeaseName } from '../../model/node-lease.ts'
import { supportedOwner } from '../owner/owner.ts'

/** Namespaces, and tasks, that are read one by one: more than fail on one node at once. */
const MAX_READ = 64

/** Reads one object as a fact: what cannot be read is unknown, with the reason. Never rejects. */
export const readFact = async <T, R>(reads: Reads, path: string, pick: (object: T) => R): Promise<Fact<R>> => {
  try {
    return known(pick(await reads.get<T>(path)))
  } catch (error) {
    return unknown(whyUnread(path, error))
  }
}

/** Name of the node that an incident is about: its target, else where the first of its pods runs. */
export const nodeNameOf = ({ owner, pods }: Incident): string | undefined =>
  owner.ref.kind === 'Node' ? owner.ref.name : pods.map(({ pod }) => pod.spec?.nodeName).find(Boolean)

export const readNamespaceFacts = (name: string, reads: Reads): Promise<Fact<NamespaceFacts>> =>
  readFact(reads, pathOf({ kind: 'Namespace', name }), ({ metadata }: KubeObject) => ({
    name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  }))

/** Nodes of one workload that are read one by one; of more, the rest is taken from the watch. */
const MAX_NODES_READ = 16

/** Every node on which a pod of the incident fails. Never rejects. */
export const readNodes = async (
  { pods }: Incident,
  reads: Reads,
  watched: WatchedNode = () => undefined,
): Promise<Readonly<Record<string, Fact<PodNode>>>> => {
  const names = [...new Set(pods.flatMap(({ pod }) => pod.spec?.nodeName || []))]
  const read = async (name: string, at: number): Promise<Fact<PodNode>> => {
    if (at < MAX_NODES_READ) return readFact(reads, pathOf({ kind: 'Node', name }), nodeFacts)
    const node = watched(name)
    return node ? known(node) : unknown(`pods fail on ${names.length} nodes, and the watch does not show node ${name}`)
  }
  return Object.fromEntries(await Promise.all(names.map(async (name, at) => [name, await read(name, at)] as const)))
}

/** A node as the watch shows it; undefined if it does not, or does not work. */
export type WatchedNode = (name: string) => PodNode | undefined

/** Every namespace in which a pod of the incident fails. Never rejects. */
export const readNamespaces = async (
  { pods }: Incident,
  reads: Reads,
): Promise<Readonly<Record<string, Fact<NamespaceFacts>>>> => {
  const names = [...new Set(pods.flatMap(({ pod }) => pod.metadata.namespace ?? []))]
  const facts = await Promise.all(
    names.map(async (name, at) => [
      name,
      at < MAX_READ ? await readNamespaceFacts(name, reads) : unknown('pods fail in too many namespaces'),
    ]),
  )
  return Object.fromEntries(facts)
}

/** Who works on a node by the lease that remediators share; undefined where it is free. Never rejects. */
export const readNodeLease = async (
  node: string,
  { namespace, holderOf }: NodeLeases,
  reads: Reads,
): Promise<Fact<NodeLease | undefined>> => {
  const path = pathOf({ kind: 'Lease', namespace, name: nodeLeaseName(node) })
  try {
    return known(holderOf(node, await reads.get<Lease>(path)))
  } catch (error) {
    return notFound(error) ? known(undefined) : unknown(whyUnread(path, error))
  }
}

/** Every pod on a node: one LIST, bounded by the node. */
export const listPodsOn = async (node: string, reads: Pick<Reads, 'list'>): Promise<readonly Pod[]> =>
  (await reads.list<Pod>(pathOf({ kind: 'Pod' }), { fieldSelector: `spec.nodeName=${node}` })).items

/** Every pod on the node of an incident. Never rejects. */
export const readNodePods = async (incident: Incident, reads: Reads): Promise<Fact<readonly Pod[]>> => {
  const name = nodeNameOf(incident)
  if (name === undefined) return unknown('the pod has no node')
  try {
    return known(await listPodsOn(name, reads))
  } catch (error) {
    return unknown(whyUnread(pathOf({ kind: 'Pod' }), error))
  }
}

/** NodeTasks by name; one that does not exist is left out. Never rejects. */
export const readTasks = async (
  names: readonly string[],
  namespace: string,
  reads: Reads,
): Promise<Fact<readonly NodeTask[]>> => {
  const read = await Promise.all(
    [...new Set(names)].slice(0, MAX_READ).map(async (name): Promise<Fact<readonly NodeTask[]>> => {
      const path = pathOf({ kind: 'NodeTask', namespace, name })
      try {
        return known([await reads.get<NodeTask>(path)])
      } catch (error) {
        return notFound(error) ? known([]) : unknown(whyUnread(path, error))
      }
    }),
  )
  const unread = read.find((one) => !one.known)
  return unread ?? known(read.flatMap((one) => (one.known ? one.value : [])))
}

/** The pod that installs a mount helper; undefined where there is none of that name. Never rejects. */
export const readInstaller = async (name: string, namespace: string, reads: Reads): Promise<Fact<Pod | undefined>> => {
  const path = pathOf({ kind: 'Pod', namespace, name })
  try {
    return known(await reads.get<Pod>(path))
  } catch (error) {
    return notFound(error) ? known(undefined) : unknown(whyUnread(path, error))
  }
}

/** A node as read, in the shape that decisions need. */
export const nodeFacts = ({ metadata, spec, status }: Node): NodeFacts => {
  const labels = metadata.labels ?? {}
  const info = status?.nodeInfo
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    unschedulable: spec?.unschedulable ?? false,
    conditions: (status?.conditions ?? []).map(({ type, status: is, reason, message, lastTransitionTime }) => ({
      type,
      status: is,
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
      ...(lastTransitionTime !== undefined && { lastTransitionTime }),
    })),
    labels,
    annotations: metadata.annotations ?? {},
    taints: spec?.taints ?? [],
    platform: platformOf(info),
    controlPlane: CONTROL_PLANE_LABELS.some((label) => labels[label] !== undefined),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    ...(info?.containerRuntimeVersion !== undefined && { runtimeVersion: info.containerRuntimeVersion }),
  }
}

/** A node as the target of an incident. */
export const nodeRef = ({ name, uid }: { readonly name: string; readonly uid: string }): ObjectRef => ({
  apiVersion: 'v1',
  kind: 'Node',
  name,
  uid,
})

/** Whether an incident of this target is a node's. */
export const isNodeRef = ({ kind, apiVersion }: Pick<ObjectRef, 'kind' | 'apiVersion'>): boolean =>
  kind === 'Node' && apiVersion === 'v1'

/** The node as the target of its own failures: it has no template, and nothing recreates its pods because of it. */
export const ownerOfNode = ({ metadata }: Node): Owner => ({
  ...supportedOwner(nodeRef(metadata), metadata),
  managers: [],
})

/** Name and uid of a node where no watch shows it; undefined where it is gone or may not be read. */
export const readNodeRef = async (name: string, reads: Reads): Promise<ObjectRef | undefined> => {
  try {
    const { metadata } = await reads.get<KubeObject>(pathOf({ kind: 'Node', name }), { accept: METADATA_ONLY })
    return nodeRef(metadata)
  } catch (error) {
    if (notFound(error) || forbidden(error)) return undefined
    throw new Error(`reading node ${name}`, { cause: error })
  }
}

/** The node of an incident as it is now; undefined where it is gone, or was recreated under the same name. */
export const readOwnerNode = async ({ name, uid }: ObjectRef, reads: Reads): Promise<Owner | undefined> => {
  try {
    const node = await reads.get<Node>(pathOf({ kind: 'Node', name }))
    return node.metadata.uid === uid ? ownerOfNode(node) : undefined
  } catch (error) {
    if (notFound(error)) return undefined
    throw new Error(`reading node ${name}`, { cause: error })
  }
}

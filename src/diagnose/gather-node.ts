/** Facts of an incident that lies with a node. */
import type { KubeObject, Pod } from '../api/kubernetes.ts'
import type { NodeTask } from '../api/objects.ts'
import { type NodeLease, nodeLeaseName, nodeLeaseOf } from '../api/node-lease.ts'
import type { Lease } from '../runtime/lease.ts'
import { notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import { type Fact, type Incident, known, type NamespaceFacts, unknown } from './incident.ts'
import { type Reads, readFact, whyUnread } from './reads.ts'

/** Namespaces, and orders, that are read one by one: more than fail on one node at once. */
const MAX_READ = 64

/** Name of the node that an incident is about: its target, else where the first of its pods runs. */
export const nodeNameOf = ({ owner, pods }: Incident): string | undefined =>
  owner.ref.kind === 'Node' ? owner.ref.name : pods.map(({ pod }) => pod.spec?.nodeName).find(Boolean)

export const readNamespaceFacts = (name: string, reads: Reads): Promise<Fact<NamespaceFacts>> =>
  readFact(reads, pathOf({ kind: 'Namespace', name }), ({ metadata }: KubeObject) => ({
    name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  }))

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

/** Who works on a node by the lease that remediators share; nobody where there is none. Never rejects. */
export const readNodeLease = async (
  node: string,
  namespace: string,
  reads: Reads,
): Promise<Fact<NodeLease | undefined>> => {
  const path = pathOf({ kind: 'Lease', namespace, name: nodeLeaseName(node) })
  try {
    return known(nodeLeaseOf(await reads.get<Lease>(path)))
  } catch (error) {
    return notFound(error) ? known(undefined) : unknown(whyUnread(path, error))
  }
}

/** Every pod on the node of an incident: one LIST, bounded by the node. Never rejects. */
export const readNodePods = async (incident: Incident, reads: Reads): Promise<Fact<readonly Pod[]>> => {
  const name = nodeNameOf(incident)
  if (name === undefined) return unknown('the pod has no node')
  const path = pathOf({ kind: 'Pod' })
  try {
    return known((await reads.list<Pod>(path, { fieldSelector: `spec.nodeName=${name}` })).items)
  } catch (error) {
    return unknown(whyUnread(path, error))
  }
}

/** Orders by their names; one that is not there is left out. Never rejects. */
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

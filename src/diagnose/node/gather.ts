/**
 * Reads the facts of a node's incident: the node and its lease, what its agent sees and did, its pods, which of them opted
 * out, and which mount helpers their volumes need.
 */
import type { NodeLeases } from '../../kube/node-leases.ts'
import type { Reads } from '../../kube/client.ts'
import { notFound } from '../../kube/errors.ts'
import { METADATA_ONLY, pathOf, whyUnread } from '../../kube/paths.ts'
import { factNamed, type FactOf } from '../../model/decision-input.ts'
import {
  type Fact,
  type FactName,
  type Facts,
  type Incident,
  known,
  type PodOptOut,
  type PodUnread,
  unknown,
} from '../../model/incident.ts'
import type {
  KubeObject,
  OwnerReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../model/kubernetes.ts'
import { helperTypeOf } from '../../model/mount-helpers.ts'
import { excludes } from '../../model/names.ts'
import { isNodeItself } from '../../model/pod.ts'
import { controllerOf, isSupportedKind } from '../owner/owner-chain.ts'
import {
  nodeFacts,
  nodeNameOf,
  readFact,
  readInstaller,
  readNamespaces,
  readNodeLease,
  readNodePods,
  readTasks,
} from './facts.ts'
import { type Inspect, inspectNothing } from './inspection.ts'

// Which mount helpers the volumes of a pod need: by its own spec, and by the PersistentVolumes that its claims are bound to.

/** Pods, and claims of one pod, that are read. */
const MAX_READ = 64

const claimsOf = ({ metadata, spec }: Pod): readonly string[] =>
  (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) =>
    ephemeral ? [`${metadata.name}-${name}`] : (persistentVolumeClaim?.claimName ?? []),
  )

/** Types that the pod's own spec names; its claims may need others. */
export const helperTypesIn = ({ spec }: Pod): readonly string[] =>
  (spec?.volumes ?? []).flatMap((volume) => helperTypeOf(volume) ?? [])

/** Whether more may be known of the volumes of a pod than its spec says. */
export const hasClaims = (pod: Pod): boolean => claimsOf(pod).length > 0

/**
 * The type of the volume that a claim is bound to, and nothing where it is not bound. A tenant may name any volume in a
 * claim; the volume, which tenants cannot write, has to name the claim as well.
 */
const typeOfClaim = async (namespace: string, name: string, reads: Reads): Promise<Fact<readonly string[]>> => {
  let path = pathOf({ kind: 'PersistentVolumeClaim', namespace, name })
  try {
    const { metadata, spec } = await reads.get<PersistentVolumeClaim>(path)
    if (!spec?.volumeName) return known([])
    path = pathOf({ kind: 'PersistentVolume', name: spec.volumeName })
    const volume = await reads.get<PersistentVolume>(path)
    const type = volume.spec && helperTypeOf(volume.spec)
    return known(type !== undefined && volume.spec?.claimRef?.uid === metadata.uid ? [type] : [])
  } catch (error) {
    return notFound(error) ? known([]) : unknown(whyUnread(path, error))
  }
}

const readTypes = async (pod: Pod, reads: Reads): Promise<Fact<readonly string[]>> => {
  const { namespace = '' } = pod.metadata
  const read = await Promise.all(
    claimsOf(pod)
      .slice(0, MAX_READ)
      .map((name) => typeOfClaim(namespace, name, reads)),
  )
  const unread = read.find((one) => !one.known)
  return unread ?? known([...helperTypesIn(pod), ...read.flatMap((one) => (one.known ? one.value : []))])
}

/** Of each pod with claims; the spec of the others says all. Never rejects. */
const readVolumes = async (
  { pods }: Incident,
  reads: Reads,
): Promise<Readonly<Record<string, Fact<readonly string[]>>>> => {
  const withClaims = pods.map(({ pod }) => pod).filter(hasClaims)
  const read = withClaims.map(async (pod, at) => {
    const types = at < MAX_READ ? await readTypes(pod, reads) : unknown('too many pods with claims fail on the node')
    return [pod.metadata.uid, types] as const
  })
  return Object.fromEntries(await Promise.all(read))
}

// Which pods on a node opted out by their namespace or by an object that owns them.

/** Reads the metadata of an object; undefined if it does not exist. Rejects with a sentence if it cannot be read. */
const metadataOf = async (path: string, reads: Reads): Promise<KubeObject['metadata'] | undefined> => {
  try {
    return (await reads.get<KubeObject>(path, { accept: METADATA_ONLY })).metadata
  } catch (error) {
    if (notFound(error)) return undefined
    throw new Error(whyUnread(path, error), { cause: error })
  }
}

/** Each object once, however many pods it owns. */
const createLookup = (reads: Reads) => {
  const read = new Map<string, Promise<KubeObject['metadata'] | undefined>>()
  return (path: string): Promise<KubeObject['metadata'] | undefined> => {
    const reading = read.get(path) ?? metadataOf(path, reads)
    read.set(path, reading)
    return reading
  }
}

/**
 * What opted out for a pod, e.g. `namespace web` or `Deployment web`; undefined if nothing did. Owners of kinds that podmend does
 * not repair are not read.
 */
const optedOutFor = async (pod: Pod, lookup: ReturnType<typeof createLookup>): Promise<string | undefined> => {
  const { namespace = '' } = pod.metadata
  const space = await lookup(pathOf({ kind: 'Namespace', name: namespace }))
  if (space && excludes(space)) return `namespace ${namespace}`
  let reference: OwnerReference | undefined = controllerOf(pod)
  while (reference && isSupportedKind(reference)) {
    const { apiVersion, kind, name, uid } = reference
    const metadata = await lookup(pathOf({ apiVersion, kind, namespace, name }))
    if (metadata?.uid !== uid) return undefined
    if (excludes(metadata)) return `${kind} ${name}`
    reference = controllerOf({ metadata })
  }
  return undefined
}

/** Of these pods, those that opted out by their namespace or owner, and those of which one cannot be read. Never rejects. */
const readOptOutsOf = async (pods: readonly Pod[], reads: Reads): Promise<readonly (PodOptOut | PodUnread)[]> => {
  const lookup = createLookup(reads)
  const found = await Promise.all(
    pods.map(async (pod) => {
      const { uid } = pod.metadata
      try {
        const by = await optedOutFor(pod, lookup)
        return by === undefined ? [] : [{ uid, by }]
      } catch (error) {
        return [{ uid, unread: error instanceof Error ? error.message : String(error) }]
      }
    }),
  )
  return found.flat()
}

/** The same of all pods of a node; unknown if it is unknown of one. Never rejects. */
const readOptOuts = async (
  pods: Fact<readonly Pod[]> | undefined,
  reads: Reads,
): Promise<Fact<readonly PodOptOut[]>> => {
  if (!pods?.known) return unknown(pods?.why ?? 'the pods of the node were not read')
  const found = await readOptOutsOf(pods.value, reads)
  const unread = found.find((one) => 'unread' in one)
  return unread ? unknown(unread.unread) : known(found.filter((one) => 'by' in one))
}

// The facts by name.

export interface Agents {
  /** The operator's own, where NodeTasks are. */
  readonly namespace: string
  /** The leases of nodes that remediators share; absent: they share none. */
  readonly nodeLeases?: NodeLeases | undefined
  /** Inspects a node: by a new task, or by the results of earlier ones. */
  readonly inspect: Inspect
}

const NO_AGENTS: Agents = { namespace: 'podmend-system', inspect: inspectNothing }

/** Facts that are being read, by name. */
export type Reading = { [K in keyof Facts]?: Promise<Facts[K]> }

const readNode = async (incident: Incident, reads: Reads, leases?: NodeLeases): Promise<Facts['node'] & object> => {
  const name = nodeNameOf(incident)
  if (!name) return unknown(incident.pods.length === 0 ? 'no pod is failing any more' : 'the pod has no node')
  const reading = readFact(reads, pathOf({ kind: 'Node', name }), nodeFacts)
  if (leases === undefined || incident.owner.ref.kind !== 'Node') return reading
  const [node, lease] = await Promise.all([reading, readNodeLease(name, leases, reads)])
  return node.known ? known({ ...node.value, lease }) : node
}

const inspectNode = async (
  { owner: { ref } }: Incident,
  inspect: Inspect,
  { fact: _, ...age }: FactOf<'inspection'>,
) =>
  ref.kind === 'Node'
    ? inspect({ name: ref.name, uid: ref.uid, ...age })
    : unknown(`${ref.kind} ${ref.name} is not a node`)

/** The failing pods, without the node itself. */
const podsIn = ({ pods }: Incident): readonly Pod[] => pods.map(({ pod }) => pod).filter((pod) => !isNodeItself(pod))

/** Starts to read those of these facts that concern a node. */
export const startNodeReads = (
  incident: Incident,
  names: readonly FactName[],
  have: Facts,
  { reads, agents = NO_AGENTS }: { readonly reads: Reads; readonly agents?: Agents | undefined },
): Reading => {
  const inspection = factNamed(names, 'inspection')
  const installer = factNamed(names, 'installer')
  const tasksOf = (fact: 'tasks' | 'agentTasks') => {
    const tasks = names.flatMap((name) => (name.fact === fact && 'names' in name ? name.names : []))
    return readTasks(tasks, agents.namespace, reads)
  }
  return {
    ...(factNamed(names, 'node') && { node: readNode(incident, reads, agents.nodeLeases) }),
    ...(factNamed(names, 'namespaces') && { namespaces: readNamespaces(incident, reads) }),
    ...(factNamed(names, 'volumes') && { volumes: readVolumes(incident, reads) }),
    ...(factNamed(names, 'nodePods') && { nodePods: readNodePods(incident, reads) }),
    ...(factNamed(names, 'failingOptOuts') && { failingOptOuts: readOptOutsOf(podsIn(incident), reads) }),
    ...(factNamed(names, 'optOuts') && { optOuts: readOptOuts(have.nodePods, reads) }),
    ...(inspection && { inspection: inspectNode(incident, agents.inspect, inspection) }),
    ...(factNamed(names, 'tasks') && { tasks: tasksOf('tasks') }),
    ...(factNamed(names, 'agentTasks') && { agentTasks: tasksOf('agentTasks') }),
    ...(installer && { installer: readInstaller(installer.name, agents.namespace, reads) }),
  }
}

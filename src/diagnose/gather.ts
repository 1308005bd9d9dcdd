import { pathOf } from '../kube/paths.ts'
import { normalImage } from '../model/image-reference.ts'
import { isNodeItself, type Pod } from '../model/kubernetes.ts'
import { type FactName, type Facts, type Incident, known, unknown } from '../model/incident.ts'
import { readSourceOfTruth } from './gitops/source.ts'
import { readKnownImages } from './image/known-images.ts'
import {
  nodeFacts,
  nodeNameOf,
  readInstaller,
  readNamespaceFacts,
  readNamespaces,
  readNodeLease,
  readNodePods,
  readNodes,
  readTasks,
  type WatchedNode,
} from './node/facts.ts'
import { type Inspect, inspectNothing } from './node/inspection.ts'
import { readOptOuts, readOptOutsOf } from './node/opt-outs.ts'
import { readVolumes } from './node/volumes.ts'
import { readPods } from './owner/pods.ts'
import { readFact, type Reads } from './reads.ts'
import { createAskRegistries } from './registry/facts.ts'
import type { Registry } from './registry/registry.ts'

export interface GatherDeps {
  readonly reads: Reads
  readonly registry: Pick<Registry, 'ask' | 'list'>
  /** Whether secrets may be read at all; without it registries are asked anonymously. Default true. */
  readonly readPullSecrets?: boolean
  /** Whether secrets may be listed, to name the source of a Helm release: the command's user, never the controller. Default false. */
  readonly readsReleases?: boolean
  /** Nodes as the watch shows them, for pods on more nodes than are read; absent: those are unknown. */
  readonly watchedNode?: WatchedNode
  /** How agents are asked; absent: they are not, and what only they know is unknown. */
  readonly agents?: Agents
}

export interface Agents {
  /** The operator's own, where NodeTasks are. */
  readonly namespace: string
  /** Where remediators share leases of nodes. */
  readonly nodeLeases?: string | undefined
  /** Inspects a node: by a new task, or by the results of earlier ones. */
  readonly inspect: Inspect
}

const NO_AGENTS: Agents = { namespace: 'podmend-system', inspect: inspectNothing }

const readNamespace = async ({ owner }: Incident, reads: Reads): Promise<Facts['namespace'] & object> => {
  const name = owner.ref.namespace
  return name === undefined
    ? unknown(`${owner.ref.kind} ${owner.ref.name} is in no namespace`)
    : readNamespaceFacts(name, reads)
}

const readNode = async (incident: Incident, reads: Reads, leases?: string): Promise<Facts['node'] & object> => {
  const name = nodeNameOf(incident)
  if (!name) return unknown(incident.pods.length === 0 ? 'no pod is failing any more' : 'the pod has no node')
  const reading = readFact(reads, pathOf({ kind: 'Node', name }), nodeFacts)
  if (leases === undefined || incident.owner.ref.kind !== 'Node') return reading
  const [node, lease] = await Promise.all([reading, readNodeLease(name, leases, reads)])
  return node.known ? known({ ...node.value, lease }) : node
}

/** Only of a node's incident is the uid known without a read. */
type Of<N extends FactName['fact']> = Extract<FactName, { fact: N }>

const inspectNode = async ({ owner: { ref } }: Incident, inspect: Inspect, { fact: _, ...age }: Of<'inspection'>) =>
  ref.kind === 'Node'
    ? inspect({ name: ref.name, uid: ref.uid, ...age })
    : unknown(`${ref.kind} ${ref.name} is not a node`)

const find = <N extends FactName['fact']>(names: readonly FactName[], fact: N): Of<N> | undefined =>
  names.find((name): name is Of<N> => name.fact === fact)

/** The failing pods, without the node itself. */
const podsIn = ({ pods }: Incident): readonly Pod[] => pods.map(({ pod }) => pod).filter((pod) => !isNodeItself(pod))

const namedPods = (names: readonly FactName[]) =>
  names.flatMap((name) => (name.fact === 'pods' ? (name.named ?? []) : []))

/**
 * Reads the requested facts concurrently and adds them to the known ones. What cannot be read becomes unknown, with the
 * reason and the missing permission. Never rejects.
 */
export const createGather = (deps: GatherDeps) => {
  const { reads, registry, readPullSecrets = true, readsReleases = false, agents = NO_AGENTS, watchedNode } = deps
  const askRegistries = createAskRegistries({ reads, registry, readPullSecrets })

  /** All reads start at the same time; facts that are not requested are left out. */
  const startReads = (
    incident: Incident,
    names: readonly FactName[],
    have: Facts,
  ): { [K in keyof Facts]?: Promise<Facts[K]> } => {
    const inspection = find(names, 'inspection')
    const installer = find(names, 'installer')
    const tasks = names.flatMap((name) => (name.fact === 'tasks' ? name.names : []))
    return {
      ...(find(names, 'namespace') && { namespace: readNamespace(incident, reads) }),
      ...(find(names, 'node') && { node: readNode(incident, reads, agents.nodeLeases) }),
      ...(find(names, 'nodes') && { nodes: readNodes(incident, reads, watchedNode) }),
      ...(find(names, 'pods') && { pods: readPods(incident, namedPods(names), reads) }),
      ...(find(names, 'namespaces') && { namespaces: readNamespaces(incident, reads) }),
      ...(find(names, 'volumes') && { volumes: readVolumes(incident, reads) }),
      ...(find(names, 'nodePods') && { nodePods: readNodePods(incident, reads) }),
      ...(find(names, 'failingOptOuts') && {
        failingOptOuts: readOptOutsOf(podsIn(incident), reads),
      }),
      ...(find(names, 'optOuts') && { optOuts: readOptOuts(have.nodePods, reads) }),
      ...(inspection && { inspection: inspectNode(incident, agents.inspect, inspection) }),
      ...(find(names, 'tasks') && { tasks: readTasks(tasks, agents.namespace, reads) }),
      ...(find(names, 'source') && { source: readSourceOfTruth(incident, reads, readsReleases) }),
      ...(find(names, 'knownImages') && { knownImages: readKnownImages(incident, reads) }),
      ...(installer && { installer: readInstaller(installer.name, agents.namespace, reads) }),
    }
  }

  return async (incident: Incident, names: readonly FactName[], have: Facts): Promise<Facts> => {
    const questions = names.flatMap((name) => ('image' in name ? [{ ...name, image: normalImage(name.image) }] : []))
    const { namespace } = incident.owner.ref
    const asked = questions.length > 0 ? askRegistries(incident.pods[0]?.pod, questions, have, namespace) : undefined
    const read = await Promise.all(
      Object.entries(startReads(incident, names, have)).map(async ([name, reading]) => [name, await reading] as const),
    )
    return { ...have, ...(Object.fromEntries(read) as Partial<Facts>), ...(await asked) }
  }
}

import type { Reads } from '../kube/client.ts'
import { factNamed } from '../model/decision-input.ts'
import { normalImage } from '../model/image-reference.ts'
import { type FactName, type Facts, type Incident, unknown } from '../model/incident.ts'
import { readSourceOfTruth } from './gitops/source.ts'
import { createAskRegistries, readKnownImages } from './image/facts.ts'
import { readNamespaceFacts, readNodes, type WatchedNode } from './node/facts.ts'
import { type Agents, type Reading, startNodeReads } from './node/gather.ts'
import { readPods } from './owner/owner-chain.ts'
import type { Registry } from './registry/registry.ts'

/** Reads the requested facts and adds them to the known ones; what cannot be read becomes unknown. Never rejects. */
export type Gather = (incident: Incident, names: readonly FactName[], have: Facts) => Promise<Facts>

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

const readNamespace = async ({ owner }: Incident, reads: Reads): Promise<Facts['namespace'] & object> => {
  const name = owner.ref.namespace
  return name === undefined
    ? unknown(`${owner.ref.kind} ${owner.ref.name} is in no namespace`)
    : readNamespaceFacts(name, reads)
}

const namedPods = (names: readonly FactName[]) =>
  names.flatMap((name) => (name.fact === 'pods' ? (name.named ?? []) : []))

/**
 * Reads the requested facts concurrently and adds them to the known ones. What cannot be read becomes unknown, with the
 * reason and the missing permission. Never rejects.
 */
export const createGather = (deps: GatherDeps): Gather => {
  const { reads, registry, readPullSecrets = true, readsReleases = false, agents, watchedNode } = deps
  const askRegistries = createAskRegistries({ reads, registry, readPullSecrets })

  /** All reads start at the same time; facts that are not requested are left out. */
  const startReads = (incident: Incident, names: readonly FactName[], have: Facts): Reading => ({
    ...startNodeReads(incident, names, have, { reads, agents }),
    ...(factNamed(names, 'namespace') && { namespace: readNamespace(incident, reads) }),
    ...(factNamed(names, 'nodes') && { nodes: readNodes(incident, reads, watchedNode) }),
    ...(factNamed(names, 'pods') && { pods: readPods(incident, namedPods(names), reads) }),
    ...(factNamed(names, 'source') && { source: readSourceOfTruth(incident, reads, readsReleases) }),
    ...(factNamed(names, 'knownImages') && { knownImages: readKnownImages(incident, reads) }),
  })

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

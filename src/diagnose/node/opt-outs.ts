/** Which pods on a node opted out by their namespace or by an object that owns them. */
import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { type Fact, known, type PodOptOut, type PodUnread, unknown } from '../../model/incident.ts'
import type { KubeObject, OwnerReference, Pod } from '../../model/kubernetes.ts'
import { excludes } from '../../model/safety-switches.ts'
import { controllerOf, isSupportedKind } from '../owner/owner-chain.ts'
import { METADATA_ONLY, type Reads, whyUnread } from '../reads.ts'

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
export const readOptOutsOf = async (
  pods: readonly Pod[],
  reads: Reads,
): Promise<readonly (PodOptOut | PodUnread)[]> => {
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
export const readOptOuts = async (
  pods: Fact<readonly Pod[]> | undefined,
  reads: Reads,
): Promise<Fact<readonly PodOptOut[]>> => {
  if (!pods?.known) return unknown(pods?.why ?? 'the pods of the node were not read')
  const found = await readOptOutsOf(pods.value, reads)
  const unread = found.find((one) => 'unread' in one)
  return unread ? unknown(unread.unread) : known(found.filter((one) => 'by' in one))
}

/** Which mount helpers the volumes of a pod need: by its own spec, and by the PersistentVolumes that its claims are bound to. */
import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { type Fact, type Incident, known, unknown } from '../../model/incident.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../model/kubernetes.ts'
import { helperTypeOf } from '../../model/mount-helpers.ts'
import { type Reads, whyUnread } from '../reads.ts'

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
export const readVolumes = async (
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

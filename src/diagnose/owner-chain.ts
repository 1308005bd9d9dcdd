import type { KubeObject, ObjectRef, OwnerReference, Pod, Workload } from '../api/kubernetes.ts'
import { forbidden, notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import type { Owner } from './incident.ts'
import { findManagers } from './managers.ts'
import { METADATA_ONLY, type Reads, whyUnread } from './reads.ts'
import { ownerOfPod, unsupportedOwner } from './owner.ts'
import { ownerOfObject } from './owner-object.ts'

const APPS = 'apps/v1'
const BATCH = 'batch/v1'
const MIRROR_POD = 'kubernetes.io/config.mirror'

/** Who made an object and keeps it. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find(({ controller }) => controller === true)

const refOf = (reference: OwnerReference, namespace: string | undefined): ObjectRef => ({
  apiVersion: reference.apiVersion,
  kind: reference.kind,
  name: reference.name,
  uid: reference.uid,
  ...(namespace !== undefined && { namespace }),
})

/** Kinds that are known but not written to, and why. */
const EXPLAINED: Readonly<Record<string, { readonly why: string; readonly recreates: boolean }>> = {
  ReplicationController: { why: 'ReplicationControllers are not repaired', recreates: true },
}

/** An owner, or why there is none to speak of. */
type Step<T> = { readonly object: T } | { readonly why: string }

/** Reads what a reference names. A namesake with another uid is not what was meant. Other errors than 403 and 404 reject. */
const follow = async <T extends KubeObject>(
  reference: OwnerReference,
  namespace: string | undefined,
  read: (path: string) => Promise<T>,
): Promise<Step<T>> => {
  const { kind, name, uid } = reference
  const path = pathOf({ kind, apiVersion: reference.apiVersion, namespace, name })
  try {
    const object = await read(path)
    if (object.metadata.uid === uid) return { object }
    return { why: `${kind} ${name} was made anew since: it has another uid than the pod's owner` }
  } catch (error) {
    if (notFound(error)) return { why: `${kind} ${name} does not exist any more` }
    if (forbidden(error)) return { why: `${kind} ${name} cannot be read: ${whyUnread(path, error)}` }
    throw new Error(`reading ${kind} ${namespace ?? ''}/${name}`, { cause: error })
  }
}

const notRepaired = ({ kind, name, apiVersion }: OwnerReference): string =>
  `${kind} ${name} (${apiVersion}) is not a kind that is repaired`

type ReadWorkload = (path: string) => Promise<Workload & Pod>

const ofWorkload = async (reference: OwnerReference, pod: Pod, read: ReadWorkload): Promise<Owner> => {
  const { namespace } = pod.metadata
  const step = await follow(reference, namespace, read)
  const ref = refOf(reference, namespace)
  return 'why' in step ? unsupportedOwner(ref, pod, step.why) : ownerOfObject(ref, step.object)
}

/**
 * Begins to read the Deployment that a ReplicaSet most likely belongs to, by its name: that of the Deployment and the
 * hash of the pod template. Only a guess that saves a round trip: the ReplicaSet itself says whether it is right.
 */
const foreread = (set: OwnerReference, pod: Pod, reads: Reads): ReadWorkload => {
  const read: ReadWorkload = (path) => reads.get<Workload & Pod>(path)
  const { namespace, labels } = pod.metadata
  const end = `-${labels?.['pod-template-hash']}`
  if (!set.name.endsWith(end) || set.name === end) return read
  const guess = pathOf({ kind: 'Deployment', apiVersion: APPS, namespace, name: set.name.slice(0, -end.length) })
  const early = read(guess)
  early.catch(() => {}) // where it was wrong nobody wants to hear of it
  return (path) => (path === guess ? early : read(path))
}

const ofReplicaSet = async (reference: OwnerReference, pod: Pod, reads: Reads): Promise<Owner> => {
  const { namespace } = pod.metadata
  const ref = refOf(reference, namespace)
  const reading = follow(reference, namespace, (path) => reads.get<KubeObject>(path, { accept: METADATA_ONLY }))
  const readDeployment = foreread(reference, pod, reads)
  const step = await reading
  if ('why' in step) return unsupportedOwner(ref, pod, step.why)
  const above = controllerOf(step.object)
  if (above?.kind === 'Deployment' && above.apiVersion === APPS) return ofWorkload(above, pod, readDeployment)
  if (above === undefined) return ofWorkload(reference, pod, (path) => reads.get<Workload & Pod>(path))
  const managers = findManagers({ kind: ref.kind, metadata: step.object.metadata })
  return unsupportedOwner(refOf(above, namespace), pod, notRepaired(above), { managers, recreatesPods: true })
}

/** A Job's own template cannot be changed; that of the CronJob above it can. Other kinds that make Jobs are strangers. */
const ofJob = async (reference: OwnerReference, pod: Pod, reads: Reads): Promise<Owner> => {
  const { namespace } = pod.metadata
  const ref = refOf(reference, namespace)
  const read: ReadWorkload = (path) => reads.get<Workload & Pod>(path)
  const step = await follow(reference, namespace, read)
  if ('why' in step) return unsupportedOwner(ref, pod, step.why)
  const above = controllerOf(step.object)
  if (above === undefined) return ownerOfObject(ref, step.object)
  if (above.kind === 'CronJob' && above.apiVersion === BATCH) return ofWorkload(above, pod, read)
  const managers = findManagers({ kind: ref.kind, metadata: step.object.metadata })
  return unsupportedOwner(refOf(above, namespace), pod, notRepaired(above), { managers })
}

/**
 * The owner that a repair would be written to: the last in the chain that holds a pod template, or the pod itself where
 * nothing owns it. One request for StatefulSet, DaemonSet and Job, two for a Deployment, a CronJob and a ReplicaSet, none
 * for the rest, which come back `unsupported` with a sentence, as does an owner that is gone, was made anew, or may not be read.
 * Rejects only where the API server fails.
 */
export const readOwner = async (pod: Pod, reads: Reads): Promise<Owner> => {
  const reference = controllerOf(pod)
  const { namespace } = pod.metadata
  const node = pod.spec?.nodeName ?? '(none)'
  if (pod.metadata.annotations?.[MIRROR_POD] !== undefined || reference?.kind === 'Node') {
    const why = `it is a static pod: its manifest is a file on node ${node}, and only a change there counts`
    return unsupportedOwner(ownerOfPod(pod).ref, pod, why)
  }
  if (reference === undefined) return ownerOfPod(pod)
  if (reference.apiVersion === APPS) {
    if (reference.kind === 'ReplicaSet') return ofReplicaSet(reference, pod, reads)
    if (reference.kind === 'StatefulSet' || reference.kind === 'DaemonSet')
      return ofWorkload(reference, pod, (path) => reads.get<Workload & Pod>(path))
  }
  if (reference.kind === 'Job' && reference.apiVersion === BATCH) return ofJob(reference, pod, reads)
  const ref = refOf(reference, namespace)
  const { why, recreates } = EXPLAINED[reference.kind] ?? {
    why: notRepaired(reference),
    recreates: false,
  }
  return unsupportedOwner(ref, pod, why, { recreatesPods: recreates })
}

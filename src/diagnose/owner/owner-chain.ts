/** From a pod to its owner, and from an owner to its pods. */
import type { Reads } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import { METADATA_ONLY, pathOf, whyUnread } from '../../kube/paths.ts'
import { type Fact, type FactName, type Incident, known, type Owner, unknown } from '../../model/incident.ts'
import type { KubeObject, LabelSelector, ObjectRef, OwnerReference, Pod, Workload } from '../../model/kubernetes.ts'
import { formatSelector } from '../../model/label-selector.ts'
import { isNodeRef, readOwnerNode } from '../node/facts.ts'
import { findManagers, ownerOfCronJob, ownerOfJob, ownerOfPod, ownerOfWorkload, unsupportedOwner } from './owner.ts'

const APPS = 'apps/v1'
const BATCH = 'batch/v1'
const MIRROR_POD = 'kubernetes.io/config.mirror'

/** The controller of an object. */
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
const UNSUPPORTED_KINDS: Readonly<Record<string, { readonly why: string; readonly recreates: boolean }>> = {
  ReplicationController: { why: 'ReplicationControllers are not supported', recreates: true },
}

/** An owner, or why there is none. */
type Followed<T> = { readonly object: T } | { readonly why: string }

/** Reads what a reference names. A namesake with another uid is not what was meant. Other errors than 403 and 404 reject. */
const follow = async <T extends KubeObject>(
  reference: OwnerReference,
  namespace: string | undefined,
  read: (path: string) => Promise<T>,
): Promise<Followed<T>> => {
  const { kind, name, uid } = reference
  const path = pathOf({ kind, apiVersion: reference.apiVersion, namespace, name })
  try {
    const object = await read(path)
    if (object.metadata.uid === uid) return { object }
    return { why: `${kind} ${name} was recreated: its uid differs from that of the pod's owner` }
  } catch (error) {
    if (notFound(error)) return { why: `${kind} ${name} no longer exists` }
    if (forbidden(error)) return { why: `${kind} ${name} cannot be read: ${whyUnread(path, error)}` }
    throw new Error(`reading ${kind} ${namespace ?? ''}/${name}`, { cause: error })
  }
}

const notSupported = ({ kind, name, apiVersion }: OwnerReference): string =>
  `${kind} ${name} (${apiVersion}) is not a supported kind`

type ReadWorkload = (path: string) => Promise<Workload & Pod>

const ofWorkload = async (reference: OwnerReference, pod: Pod, read: ReadWorkload): Promise<Owner> => {
  const { namespace } = pod.metadata
  const followed = await follow(reference, namespace, read)
  const ref = refOf(reference, namespace)
  return 'why' in followed ? unsupportedOwner(ref, pod, followed.why) : ownerOfObject(ref, followed.object)
}

/**
 * Begins to read the Deployment that a ReplicaSet most likely belongs to, by its name: that of the Deployment and the
 * hash of the pod template. Only a guess that saves a round trip: the ReplicaSet itself says whether it is right.
 */
const prefetchDeployment = (set: OwnerReference, pod: Pod, reads: Reads): ReadWorkload => {
  const read: ReadWorkload = (path) => reads.get<Workload & Pod>(path)
  const { namespace, labels } = pod.metadata
  const end = `-${labels?.['pod-template-hash']}`
  if (!set.name.endsWith(end) || set.name === end) return read
  const guess = pathOf({ kind: 'Deployment', apiVersion: APPS, namespace, name: set.name.slice(0, -end.length) })
  const early = read(guess)
  early.catch(() => {}) // a wrong guess is no error
  return (path) => (path === guess ? early : read(path))
}

const ofReplicaSet = async (reference: OwnerReference, pod: Pod, reads: Reads): Promise<Owner> => {
  const { namespace } = pod.metadata
  const ref = refOf(reference, namespace)
  const reading = follow(reference, namespace, (path) => reads.get<KubeObject>(path, { accept: METADATA_ONLY }))
  const readDeployment = prefetchDeployment(reference, pod, reads)
  const followed = await reading
  if ('why' in followed) return unsupportedOwner(ref, pod, followed.why)
  const parent = controllerOf(followed.object)
  if (parent?.kind === 'Deployment' && parent.apiVersion === APPS) return ofWorkload(parent, pod, readDeployment)
  if (parent === undefined) return ofWorkload(reference, pod, (path) => reads.get<Workload & Pod>(path))
  const managers = findManagers({ kind: ref.kind, metadata: followed.object.metadata })
  return unsupportedOwner(refOf(parent, namespace), pod, notSupported(parent), { managers, recreatesPods: true })
}

/** A Job's own template cannot be changed; that of the CronJob above it can. Other kinds that create Jobs are not supported. */
const ofJob = async (reference: OwnerReference, pod: Pod, reads: Reads): Promise<Owner> => {
  const { namespace } = pod.metadata
  const ref = refOf(reference, namespace)
  const read: ReadWorkload = (path) => reads.get<Workload & Pod>(path)
  const followed = await follow(reference, namespace, read)
  if ('why' in followed) return unsupportedOwner(ref, pod, followed.why)
  const parent = controllerOf(followed.object)
  if (parent === undefined) return ownerOfObject(ref, followed.object)
  if (parent.kind === 'CronJob' && parent.apiVersion === BATCH) return ofWorkload(parent, pod, read)
  const managers = findManagers({ kind: ref.kind, metadata: followed.object.metadata })
  return unsupportedOwner(refOf(parent, namespace), pod, notSupported(parent), { managers })
}

/**
 * The owner that a repair would be written to: the last in the chain that holds a pod template, or the pod itself where
 * nothing owns it. One request for StatefulSet, DaemonSet and Job, two for a Deployment, a CronJob and a ReplicaSet, none
 * for the rest, which come back `unsupported` with a sentence, as does an owner that is gone, was recreated, or may not be read.
 * Rejects only where the API server fails.
 */
export const readOwner = async (pod: Pod, reads: Reads): Promise<Owner> => {
  const reference = controllerOf(pod)
  const { namespace } = pod.metadata
  const node = pod.spec?.nodeName ?? '(none)'
  if (pod.metadata.annotations?.[MIRROR_POD] !== undefined || reference?.kind === 'Node') {
    const why = `it is a static pod: its manifest is a file on node ${node}, and can only be changed there`
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
  const { why, recreates } = UNSUPPORTED_KINDS[reference.kind] ?? {
    why: notSupported(reference),
    recreates: false,
  }
  return unsupportedOwner(ref, pod, why, { recreatesPods: recreates })
}

/**
 * The owner of an incident as it is now, by what is known of it: one request. Undefined where it is gone, or another
 * object has its name. `pod` is one of its failing pods, where there is one: it says more where the owner itself cannot be read.
 */
export const readOwnerAt = async (ref: ObjectRef, pod: Pod | undefined, reads: Reads): Promise<Owner | undefined> => {
  const { apiVersion, kind, namespace, name, uid } = ref
  if (isNodeRef(ref)) return readOwnerNode(ref, reads)
  if (!isSupportedKind(ref)) return pod && readOwner(pod, reads)
  try {
    const object = await reads.get<Workload & Pod>(pathOf({ apiVersion, kind, namespace, name }))
    if (object.metadata.uid !== uid) return undefined
    if (kind === 'Pod') return await readOwner(object, reads)
    const owner = ownerOfObject(ref, object)
    const parent = kind === 'ReplicaSet' || kind === 'Job' ? controllerOf(object) : undefined
    if (parent === undefined) return owner
    return { ...owner, support: 'unsupported', why: `${kind} ${name} belongs to ${parent.kind} ${parent.name}` }
  } catch (error) {
    if (notFound(error)) return undefined
    if (forbidden(error) && pod) return readOwner(pod, reads)
    throw new Error(`reading ${kind} ${namespace ?? ''}/${name}`, { cause: error })
  }
}

/** Kinds that a repair is written to, with their API version. */
const SUPPORTED_KINDS: Readonly<Record<string, string>> = {
  Pod: 'v1',
  Deployment: 'apps/v1',
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
}

/** Whether objects of that kind can be an owner that is written to. */
export const isSupportedKind = ({ kind, apiVersion }: Pick<ObjectRef, 'kind' | 'apiVersion'>): boolean =>
  Object.hasOwn(SUPPORTED_KINDS, kind) && SUPPORTED_KINDS[kind] === apiVersion

/** An object of one of these kinds, as read, in the shape that decisions need. */
export const ownerOfObject = (ref: ObjectRef, object: Workload & Pod): Owner => {
  switch (ref.kind) {
    case 'Pod':
      return ownerOfPod(object)
    case 'Job':
      return ownerOfJob(ref, object)
    case 'CronJob':
      return ownerOfCronJob(ref, object)
    default:
      return ownerOfWorkload(ref, object)
  }
}

// The pods of an owner.

type Of = Pick<Incident, 'owner' | 'pods'>
type Named = NonNullable<Extract<FactName, { fact: 'pods' }>['named']>

/** Labels of every pod of a Job with its uid; Jobs of CronJobs cannot go without it (manualSelector is refused there). */
const JOB_UID = 'batch.kubernetes.io/controller-uid'
/** Jobs of one list, and pods that are read one by one. */
const MAX_JOBS = 100
const MAX_NAMED = 64

/**
 * Whether a pod belongs to an owner: by its controller's uid, or, one step down, by its ReplicaSet's name, which is the
 * Deployment's with the pod's template hash behind it.
 */
const belongsTo = (owner: Owner, pod: Pod): boolean => {
  const controller = controllerOf(pod)
  if (controller?.uid === owner.ref.uid) return true
  const hash = pod.metadata.labels?.['pod-template-hash']
  return (
    owner.ref.kind === 'Deployment' &&
    controller?.kind === 'ReplicaSet' &&
    hash !== undefined &&
    controller.name === `${owner.ref.name}-${hash}`
  )
}

const readOne = async (
  { namespace, name, uid }: { readonly namespace?: string | undefined; readonly name: string; readonly uid: string },
  reads: Reads,
): Promise<Fact<readonly Pod[]>> => {
  const path = pathOf({ kind: 'Pod', namespace, name })
  try {
    const pod = await reads.get<Pod>(path)
    return known(pod.metadata.uid === uid ? [pod] : [])
  } catch (error) {
    return notFound(error) ? known([]) : unknown(whyUnread(path, error))
  }
}

/** One LIST, bounded by the selector. */
const readSelected = async (
  { ref }: Owner,
  selector: LabelSelector | undefined,
  reads: Reads,
): Promise<Fact<readonly Pod[]>> => {
  const labelSelector = formatSelector(selector)
  if (labelSelector === undefined) return unknown(`${ref.kind} ${ref.name} has no selector for its pods`)
  const path = pathOf({ kind: 'Pod', namespace: ref.namespace })
  try {
    return known((await reads.list<Pod>(path, { labelSelector })).items)
  } catch (error) {
    return unknown(whyUnread(path, error))
  }
}

const jobOf = (pod: Pod): string | undefined => {
  const controller = controllerOf(pod)
  return controller?.kind === 'Job' ? controller.uid : undefined
}

/** Pods of a CronJob's Jobs that are in progress, of those whose pods fail, and those that a remedy named. */
const readCronJobPods = async (
  { owner, pods: failing }: Of,
  named: Named,
  reads: Reads,
): Promise<Fact<readonly Pod[]>> => {
  const jobs = new Set([...failing.flatMap(({ pod }) => jobOf(pod) ?? []), ...(owner.activeJobs ?? [])])
  const values = [...jobs].slice(0, MAX_JOBS)
  const found: Fact<readonly Pod[]> =
    values.length === 0
      ? known([])
      : await readSelected(owner, { matchExpressions: [{ key: JOB_UID, operator: 'In', values }] }, reads)
  if (!found.known) return found
  const mine = found.value.filter((pod) => jobs.has(jobOf(pod) ?? ''))
  const seen = new Set(mine.map(({ metadata }) => metadata.uid))
  const { namespace } = owner.ref
  const others = await Promise.all(
    named
      .filter(({ uid }) => !seen.has(uid))
      .slice(0, MAX_NAMED)
      .map((one) => readOne({ namespace, ...one }, reads)),
  )
  const unread = others.find((one) => !one.known)
  return unread ?? known([...mine, ...others.flatMap((one) => (one.known ? one.value : []))])
}

/** Every pod of an incident's owner, of all revisions. Never rejects. */
export const readPods = async (incident: Of, named: Named, reads: Reads): Promise<Fact<readonly Pod[]>> => {
  const { owner } = incident
  if (owner.ref.kind === 'Pod') return readOne(owner.ref, reads)
  if (owner.ref.kind === 'CronJob') return readCronJobPods(incident, named, reads)
  const selected = await readSelected(owner, owner.selector, reads)
  return selected.known ? known(selected.value.filter((pod) => belongsTo(owner, pod))) : selected
}

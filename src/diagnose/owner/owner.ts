/** An owner as read, in the shape that decisions need, and who manages it. Pure. */
import { createHash } from 'node:crypto'
import { parseTime } from '../../model/duration.ts'
import type { Manager, Owner } from '../../model/incident.ts'
import type {
  Container,
  ObjectMeta,
  ObjectRef,
  OwnerReference,
  Pod,
  PodSpec,
  Workload,
} from '../../model/kubernetes.ts'
import { FIELD_MANAGER } from '../../model/names.ts'
import { readOriginals } from '../../model/remediation-state.ts'
import { type Managed, MANAGER_ROWS, type Marks, qualified, type Trace } from './manager-marks.ts'

/** An operator that created the object: by its controller reference, or by a plain one, which is all that some operators set. */
const operatorOf = (references: readonly OwnerReference[], namespace: string | undefined): Manager | undefined => {
  const reference = references.find(({ controller }) => controller === true) ?? references[0]
  if (reference === undefined || reference.kind === 'Node') return undefined
  const { apiVersion, kind, name } = reference
  return {
    name: `operator of ${kind} ${name}`,
    writesBack: true,
    seenBy: `${reference.controller === true ? 'controller ' : ''}owner reference to ${kind} ${name}`,
    editAt: `${kind} ${qualified(namespace, name)} (${apiVersion})`,
  }
}

/** Marks are untrusted text: enough of it to find the place, not more. */
const MAX_TEXT = 300
const clipped = (trace: Trace): Trace => ({
  ...trace,
  seenBy: trace.seenBy.slice(0, MAX_TEXT),
  editAt: trace.editAt.slice(0, MAX_TEXT),
})

/** Who manages an object, tools that revert changes first; empty where no mark is found but our own. Pure, never throws. */
export const findManagers = ({ kind, metadata }: Managed): readonly Manager[] => {
  const marks: Marks = {
    kind,
    metadata,
    label: (key) => metadata.labels?.[key],
    annotation: (key) => metadata.annotations?.[key],
    fieldManager: (test) =>
      metadata.managedFields?.find(
        ({ manager, subresource }) =>
          manager !== undefined && manager !== FIELD_MANAGER && !subresource && test.test(manager),
      )?.manager,
  }
  const operator = operatorOf(metadata.ownerReferences ?? [], metadata.namespace)
  const found = MANAGER_ROWS.flatMap(({ name, writesBack, find }): readonly Manager[] => {
    const trace = find(marks)
    if (trace === undefined) return []
    const { keptBy, ...rest } = clipped(trace)
    return [{ name, writesBack, ...rest, ...(keptBy && { keptBy }) }]
  })
  const all = operator === undefined ? found : [operator, ...found]
  return [...all.filter(({ writesBack }) => writesBack), ...all.filter(({ writesBack }) => !writesBack)]
}

/** Why a change of this workload would not roll out; undefined if it would. */
const blockedBy = ({ kind }: ObjectRef, { metadata, spec }: Workload): string | undefined => {
  if (metadata.deletionTimestamp !== undefined) return `${kind} ${metadata.name} is being deleted`
  if (kind === 'Deployment' && spec?.paused === true) return `the rollout of Deployment ${metadata.name} is paused`
  const update = spec?.updateStrategy
  if (update?.type === 'OnDelete') {
    return `${kind} ${metadata.name} has update strategy OnDelete: a change reaches a pod only after the pod is deleted`
  }
  const partition = update?.rollingUpdate?.partition ?? 0
  return kind === 'StatefulSet' && partition > 0
    ? `StatefulSet ${metadata.name} has partition ${partition}: a change does not reach pods with a lower ordinal`
    : undefined
}

/** What all owners have in common: by default one pod, which nothing recreates. */
export const supportedOwner = (ref: ObjectRef, metadata: ObjectMeta, template?: PodSpec): Owner => {
  const generation = metadata.generation ?? 0
  return {
    ref,
    resourceVersion: metadata.resourceVersion,
    support: 'supported',
    containers: template?.containers ?? [],
    initContainers: template?.initContainers ?? [],
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    managedFields: metadata.managedFields ?? [],
    managers: findManagers({ kind: ref.kind, metadata }),
    replicas: 1,
    updatedReplicas: 1,
    generation,
    observedGeneration: generation,
    keepsBrokenPods: false,
    recreatesPods: false,
  }
}

/** A workload with a pod template, as read, in the shape that decisions need. */
export const ownerOfWorkload = (ref: ObjectRef, workload: Workload): Owner => {
  const { metadata, spec, status } = workload
  const blocked = blockedBy(ref, workload)
  const daemon = ref.kind === 'DaemonSet'
  return {
    ...supportedOwner(ref, metadata, spec?.template?.spec),
    ...(spec?.selector && { selector: spec.selector }),
    replicas: daemon ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1),
    updatedReplicas: (daemon ? status?.updatedNumberScheduled : status?.updatedReplicas) ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    ...(blocked !== undefined && { blocked }),
    // A StatefulSet waits for its broken pods before it replaces any: kubernetes/kubernetes#67250. A ReplicaSet replaces none.
    keepsBrokenPods: ref.kind === 'StatefulSet' || ref.kind === 'ReplicaSet',
    recreatesPods: true,
    ...(ref.kind === 'ReplicaSet' && { keepsHealthyPods: true }),
  }
}

/** A pod that nothing owns: its own image is mutable, and nothing recreates it. */
export const ownerOfPod = ({ metadata, spec }: Pod): Owner => {
  const { name, namespace, uid } = metadata
  const ref = { apiVersion: 'v1', kind: 'Pod', name, uid, ...(namespace !== undefined && { namespace }) }
  return {
    ...supportedOwner(ref, metadata, spec),
    ...(metadata.deletionTimestamp !== undefined && { blocked: `Pod ${name} is being deleted` }),
  }
}

/** An owner that is explained and not changed; what is known of it comes from the pod alone. */
export const unsupportedOwner = (
  ref: ObjectRef,
  pod: Pod,
  why: string,
  known: Partial<Pick<Owner, 'keepsBrokenPods' | 'recreatesPods'>> & { readonly managers?: readonly Manager[] } = {},
): Owner => ({
  ...ownerOfPod(pod),
  ref,
  support: 'unsupported',
  why,
  containers: [],
  initContainers: [],
  labels: {},
  annotations: {},
  managedFields: [],
  managers: [],
  ...known,
})

/** Jobs that one list of pods can be bounded by: more make its query longer than servers and proxies take. */
const MAX_ACTIVE = 100

const ENDED: ReadonlySet<string> = new Set(['Complete', 'Failed', 'SuccessCriteriaMet', 'FailureTarget'])

const blockedJob = ({ kind }: ObjectRef, { metadata, spec, status }: Workload): string | undefined => {
  const name = `${kind} ${metadata.name}`
  if (metadata.deletionTimestamp !== undefined) return `${name} is being deleted`
  // It is suspended so that none of its pods run, but a waiting pod would start once it has its image.
  if (spec?.suspend === true) return `${name} is suspended: its pods are not changed until it is resumed`
  const ended = status?.conditions?.find(({ type, status: is }) => ENDED.has(type) && is === 'True')
  return ended === undefined ? undefined : `${name} has finished (${ended.type}) and starts no more pods`
}

const jobOwner = (ref: ObjectRef, object: Workload, template: PodSpec | undefined): Owner => {
  const { metadata, status } = object
  const blocked = blockedJob(ref, object)
  return {
    // A Job recreates a deleted pod, but counts it as a failure: with backoffLimit 0 it then fails.
    ...supportedOwner(ref, metadata, template),
    observedGeneration: status?.observedGeneration ?? metadata.generation ?? 0,
    ...(blocked !== undefined && { blocked }),
    patchesPods: true,
  }
}

/** A Job that nothing owns: its template cannot be changed, the images of its pods can. */
export const ownerOfJob = (ref: ObjectRef, job: Workload): Owner => {
  const { spec } = job
  return {
    ...jobOwner(ref, job, spec?.template?.spec),
    ...(spec?.selector && { selector: spec.selector }),
    // The pods of a suspended Job are deleted.
    replicas: spec?.suspend === true ? 0 : (spec?.parallelism ?? 1),
    templateFixed: true,
  }
}

/** A CronJob: its template counts for the Jobs to come, and those in progress keep the template they were created with. */
export const ownerOfCronJob = (ref: ObjectRef, cronJob: Workload): Owner => {
  const { spec, status } = cronJob
  const lastSuccessAt = parseTime(status?.lastSuccessfulTime)
  const template = spec?.jobTemplate?.spec?.template
  const labels = template?.metadata?.labels ?? {}
  const active = Array.isArray(status?.active) ? status.active : []
  return {
    ...jobOwner(ref, cronJob, template?.spec),
    // It has no selector, but all of its pods have these labels, and the start of one may complete a verification.
    ...(Object.keys(labels).length > 0 && { selector: { matchLabels: labels } }),
    activeJobs: active
      .flatMap(({ uid }: Partial<ObjectRef>) => uid ?? [])
      .slice(-MAX_ACTIVE)
      .toReversed(),
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
  }
}

/**
 * Hash of a pod's containers and the images that they were created with. An image that was rewritten in the pod itself
 * counts as it was before, or a pod would fail as another revision than the one that was repaired.
 */
const hashOfImages = ({ metadata, spec }: Pod): string => {
  const originals = readOriginals(metadata.annotations)
  const imagesOf = (containers: readonly Container[] = []) =>
    containers.map(({ name, image }) => [name, originals[name] ?? image ?? ''])
  const made = JSON.stringify([imagesOf(spec?.initContainers), imagesOf(spec?.containers)])
  return createHash('sha256').update(made).digest('hex').slice(0, 16)
}

/**
 * Revision of the template that a pod was made from: the hash of a Deployment's, StatefulSet's or DaemonSet's; of owners
 * that mark no revision on their pods (Job, ReplicaSet) one of its images, so that each Job of the same broken CronJob
 * is the same incident; of a pod that nothing owns its uid.
 */
export const templateHashOf = (pod: Pod): string => {
  const { labels, ownerReferences, uid } = pod.metadata
  const marked = labels?.['pod-template-hash'] ?? labels?.['controller-revision-hash']
  if (marked !== undefined) return marked
  return ownerReferences?.some(({ controller }) => controller === true) ? hashOfImages(pod) : uid
}

import type { ObjectRef, PodSpec, Workload } from '../api/kubernetes.ts'
import { parseTime } from '../api/time.ts'
import type { Owner } from './incident.ts'
import { findManagers } from './managers.ts'

/** Jobs that one list of pods can be bounded by: more make its query longer than servers and proxies take. */
const MAX_ACTIVE = 100

const ENDED: ReadonlySet<string> = new Set(['Complete', 'Failed', 'SuccessCriteriaMet', 'FailureTarget'])

const blockedBy = ({ kind }: ObjectRef, { metadata, spec, status }: Workload): string | undefined => {
  const name = `${kind} ${metadata.name}`
  if (metadata.deletionTimestamp !== undefined) return `${name} is being deleted`
  // Whoever suspended it wants nothing of it to run now, and to give a stuck pod its image is to start it.
  if (spec?.suspend === true) return `${name} is suspended: nothing of it is made to run until somebody resumes it`
  const ended = status?.conditions?.find(({ type, status: is }) => ENDED.has(type) && is === 'True')
  return ended === undefined ? undefined : `${name} has ended (${ended.type}): it starts no pod any more`
}

const base = (ref: ObjectRef, object: Workload, template: PodSpec | undefined): Owner => {
  const { metadata, status } = object
  const blocked = blockedBy(ref, object)
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
    observedGeneration: status?.observedGeneration ?? generation,
    ...(blocked !== undefined && { blocked }),
    keepsBrokenPods: false,
    // A Job makes a deleted pod anew, but counts it as one of its failures: with backoffLimit 0 that is its end.
    recreatesPods: false,
    mendsPods: true,
  }
}

/** A Job that nothing owns: its template cannot be changed, the images of its pods can. */
export const ownerOfJob = (ref: ObjectRef, job: Workload): Owner => {
  const { spec } = job
  return {
    ...base(ref, job, spec?.template?.spec),
    ...(spec?.selector && { selector: spec.selector }),
    // The pods of a suspended Job are deleted.
    replicas: spec?.suspend === true ? 0 : (spec?.parallelism ?? 1),
    templateFixed: true,
  }
}

/** A CronJob: its template counts for the Jobs to come, and those that are under way keep what they were made with. */
export const ownerOfCronJob = (ref: ObjectRef, cronJob: Workload): Owner => {
  const { spec, status } = cronJob
  const lastSuccessAt = parseTime(status?.lastSuccessfulTime)
  const template = spec?.jobTemplate?.spec?.template
  const labels = template?.metadata?.labels ?? {}
  const active = Array.isArray(status?.active) ? status.active : []
  return {
    ...base(ref, cronJob, template?.spec),
    // It has no selector, but these labels are on all of its pods: a start among them may be the proof that is awaited.
    ...(Object.keys(labels).length > 0 && { selector: { matchLabels: labels } }),
    activeJobs: active
      .flatMap(({ uid }: Partial<ObjectRef>) => uid ?? [])
      .slice(-MAX_ACTIVE)
      .toReversed(),
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
  }
}

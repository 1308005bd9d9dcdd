import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { type Fact, type FactName, type Incident, known, type Owner, unknown } from '../../model/incident.ts'
import type { LabelSelector, Pod } from '../../model/kubernetes.ts'
import { formatSelector } from '../../model/label-selector.ts'
import { type Reads, whyUnread } from '../reads.ts'
import { controllerOf } from './owner-chain.ts'

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

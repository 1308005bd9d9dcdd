import type { ObjectRef, Pod, Workload } from '../api/kubernetes.ts'
import { ownerOfObject } from '../diagnose/owner-object.ts'
import { readPods } from '../diagnose/read-pods.ts'
import { formatSelector } from '../diagnose/selector.ts'
import { notFound } from '../runtime/errors.ts'
import { listAll } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import type { Cluster } from './cluster.ts'
import { Refusal } from './failure.ts'
import type { Named } from './object-ref.ts'

/** The object that a person named: its uid, and the pods that it speaks for. */
export interface Subject extends Named {
  readonly namespace: string
  readonly uid: string
  readonly pods: readonly Pod[]
}

/** Reads it, and of a workload all the pods that its selector takes. Throws a `Refusal` where it is not there. */
export const readSubject = async ({ client, namespace }: Cluster, { kind, name }: Named): Promise<Subject> => {
  const object = await client.get<Pod & Workload>(pathOf({ kind, namespace, name })).catch((error: unknown) => {
    if (!notFound(error)) throw error
    throw new Refusal(`there is no ${kind} ${name} in namespace ${namespace}; name another namespace with -n`)
  })
  const { uid } = object.metadata
  if (kind === 'Pod') return { kind, name, namespace, uid, pods: [object] }
  const owner = ownerOfObject({ apiVersion: '', kind, namespace, name, uid }, object)
  const { ref, selector } = owner
  if (kind === 'CronJob') {
    const pods = await readPods({ owner, pods: [] }, [], client)
    if (!pods.known) throw new Refusal(`the pods of CronJob ${name} cannot be found: ${pods.why}`)
    return { kind, name, namespace, uid, pods: pods.value }
  }
  const labelSelector = formatSelector(selector)
  if (labelSelector === undefined) throw new Refusal(`${ref.kind} ${name} has no selector, so its pods cannot be found`)
  const { items } = await listAll<Pod>(client, pathOf({ kind: 'Pod', namespace }), { labelSelector })
  return { kind, name, namespace, uid, pods: items }
}

/** Whether a pod's incident is the subject's: a selector may take pods of others. */
export const concerns = (subject: Subject, owner: ObjectRef, pods: readonly { readonly pod: Pod }[]): boolean =>
  subject.kind === 'Pod' ||
  owner.uid === subject.uid ||
  owner.kind === 'Node' ||
  pods.some(({ pod }) => pod.metadata.ownerReferences?.some(({ uid }) => uid === subject.uid))

/** `Running, 1 of 2 containers ready`. */
export const sayState = (pods: readonly Pod[]): string => {
  const [pod] = pods
  if (!pod) return 'it has no pods'
  const statuses = pods.flatMap(({ status }) => status?.containerStatuses ?? [])
  const ready = statuses.filter((status) => status.ready === true).length
  const phases = [...new Set(pods.map(({ status }) => status?.phase ?? 'Unknown'))].join(', ')
  const unscheduled =
    pods.length === 1 && !pod.spec?.nodeName ? '; it has no node yet, and scheduling is not repaired' : ''
  const count = pods.length === 1 ? '' : `${pods.length} pods, `
  return `${count}${phases}, ${ready} of ${statuses.length} containers ready${unscheduled}`
}

import { listPodsOn } from '../../diagnose/node/facts.ts'
import { ownerOfObject, readPods } from '../../diagnose/owner/owner-chain.ts'
import { listAll } from '../../kube/client.ts'
import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { isNodeCause } from '../../model/causes.ts'
import type { Node, ObjectRef, Pod, Workload } from '../../model/kubernetes.ts'
import { formatSelector } from '../../model/label-selector.ts'
import type { Cluster } from '../cluster.ts'
import type { Named } from '../object-ref.ts'
import { Refusal } from '../subcommand.ts'

/** The requested object: its uid and its pods. */
export interface Subject extends Named {
  /** Absent of a node. */
  readonly namespace?: string
  readonly uid: string
  /** Of a node those that are on it. */
  readonly pods: readonly Pod[]
  readonly node?: Node
}

const readNode = async ({ client }: Cluster, { kind, name }: Named): Promise<Subject> => {
  const node = await client.get<Node>(pathOf({ kind, name })).catch((error: unknown) => {
    if (!notFound(error)) throw error
    throw new Refusal(`Node ${name} does not exist`)
  })
  return { kind, name, uid: node.metadata.uid, pods: await listPodsOn(name, client), node }
}

/** Reads it, and of a workload all the pods that its selector takes. Throws a `Refusal` where it is not there. */
export const readSubject = async (cluster: Cluster, { kind, name }: Named): Promise<Subject> => {
  const { client, namespace } = cluster
  if (kind === 'Node') return readNode(cluster, { kind, name })
  const object = await client.get<Pod & Workload>(pathOf({ kind, namespace, name })).catch((error: unknown) => {
    if (!notFound(error)) throw error
    throw new Refusal(`${kind} ${name} does not exist in namespace ${namespace}; choose another namespace with -n`)
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

/** Whether a pod's incident is the subject's: a selector may take pods of others, and pods on a node fail by themselves. */
export const concerns = (subject: Subject, owner: ObjectRef, pods: readonly { readonly pod: Pod }[]): boolean =>
  owner.uid === subject.uid || (subject.kind !== 'Node' && concernsPods(subject, owner, pods))

const concernsPods = (subject: Subject, owner: ObjectRef, pods: readonly { readonly pod: Pod }[]): boolean =>
  subject.kind === 'Pod' ||
  owner.kind === 'Node' ||
  pods.some(({ pod }) => pod.metadata.ownerReferences?.some(({ uid }) => uid === subject.uid))

/** `Running, 1 of 2 containers ready`. */
export const describePods = (pods: readonly Pod[]): string => {
  const [pod] = pods
  if (!pod) return 'no pods'
  const statuses = pods.flatMap(({ status }) => status?.containerStatuses ?? [])
  const ready = statuses.filter((status) => status.ready === true).length
  const phases = [...new Set(pods.map(({ status }) => status?.phase ?? 'Unknown'))].join(', ')
  const unscheduled =
    pods.length === 1 && !pod.spec?.nodeName ? '; not scheduled yet, and podmend does not repair scheduling' : ''
  const count = pods.length === 1 ? '' : `${pods.length} pods, `
  return `${count}${phases}, ${ready} of ${statuses.length} containers ready${unscheduled}`
}

/** `Ready; flagged MountHelperMissing: …`. */
export const describeNode = ({ spec, status }: Node): string => {
  const { conditions = [] } = status ?? {}
  const ready = conditions.find(({ type }) => type === 'Ready')
  const reason = ready?.message ? `: ${ready.message}` : ''
  return [
    ready?.status === 'True' ? 'Ready' : `not Ready${reason}`,
    ...(spec?.unschedulable ? ['cordoned'] : []),
    ...conditions
      .filter(({ type, status: is }) => is === 'True' && isNodeCause(type))
      .map(({ type, message }) => `flagged ${type}${message ? ` (${message})` : ''}`),
  ].join('; ')
}

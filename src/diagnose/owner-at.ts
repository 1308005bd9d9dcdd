import type { ObjectRef, Pod, Workload } from '../api/kubernetes.ts'
import { forbidden, notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import type { Owner } from './incident.ts'
import { controllerOf, readOwner } from './owner-chain.ts'
import { isNodeRef, readOwnerNode } from './owner-node.ts'
import { isRepaired, ownerOfObject } from './owner-object.ts'
import type { Reads } from './reads.ts'

/**
 * The owner of an incident as it is now, by what is known of it: one request. Undefined where it is gone, or another
 * object has its name. `pod` is one of its failing pods, where there is one: it says more where the owner itself cannot be read.
 */
export const readOwnerAt = async (ref: ObjectRef, pod: Pod | undefined, reads: Reads): Promise<Owner | undefined> => {
  const { apiVersion, kind, namespace, name, uid } = ref
  if (isNodeRef(ref)) return readOwnerNode(ref, reads)
  if (!isRepaired(ref)) return pod && readOwner(pod, reads)
  try {
    const object = await reads.get<Workload & Pod>(pathOf({ apiVersion, kind, namespace, name }))
    if (object.metadata.uid !== uid) return undefined
    if (kind === 'Pod') return await readOwner(object, reads)
    const owner = ownerOfObject(ref, object)
    const above = kind === 'ReplicaSet' || kind === 'Job' ? controllerOf(object) : undefined
    if (above === undefined) return owner
    return { ...owner, support: 'unsupported', why: `${kind} ${name} belongs to ${above.kind} ${above.name}` }
  } catch (error) {
    if (notFound(error)) return undefined
    if (forbidden(error) && pod) return readOwner(pod, reads)
    throw new Error(`reading ${kind} ${namespace ?? ''}/${name}`, { cause: error })
  }
}

import type { KubeObject, Node, ObjectRef } from '../api/kubernetes.ts'
import { forbidden, notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import type { Owner } from './incident.ts'
import { METADATA_ONLY, type Reads } from './reads.ts'

/** A node as the target of an incident. */
export const nodeRef = ({ name, uid }: { readonly name: string; readonly uid: string }): ObjectRef => ({
  apiVersion: 'v1',
  kind: 'Node',
  name,
  uid,
})

/** Whether an incident of this target is a node's. */
export const isNodeRef = ({ kind, apiVersion }: Pick<ObjectRef, 'kind' | 'apiVersion'>): boolean =>
  kind === 'Node' && apiVersion === 'v1'

/** The node as the owner of what lies with it: it has no template, and nothing makes its pods anew because of it. */
export const ownerOfNode = ({ metadata }: Node): Owner => ({
  ref: nodeRef(metadata),
  resourceVersion: metadata.resourceVersion,
  support: 'supported',
  containers: [],
  initContainers: [],
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {},
  managedFields: [],
  managers: [],
  replicas: 1,
  updatedReplicas: 1,
  generation: metadata.generation ?? 0,
  observedGeneration: metadata.generation ?? 0,
  keepsBrokenPods: false,
  recreatesPods: false,
})

/** Name and uid of a node where no watch shows it; undefined where it is gone or may not be read. */
export const readNodeRef = async (name: string, reads: Reads): Promise<ObjectRef | undefined> => {
  try {
    const { metadata } = await reads.get<KubeObject>(pathOf({ kind: 'Node', name }), { accept: METADATA_ONLY })
    return nodeRef(metadata)
  } catch (error) {
    if (notFound(error) || forbidden(error)) return undefined
    throw new Error(`reading node ${name}`, { cause: error })
  }
}

/** The node of an incident as it is now; undefined where it is gone, or was made anew under the name. */
export const readOwnerNode = async ({ name, uid }: ObjectRef, reads: Reads): Promise<Owner | undefined> => {
  try {
    const node = await reads.get<Node>(pathOf({ kind: 'Node', name }))
    return node.metadata.uid === uid ? ownerOfNode(node) : undefined
  } catch (error) {
    if (notFound(error)) return undefined
    throw new Error(`reading node ${name}`, { cause: error })
  }
}

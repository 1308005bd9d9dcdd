import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import type { Node } from '../../model/kubernetes.ts'
import { EXCLUDE_KEY, excludes } from '../../model/names.ts'
import type { Outcome } from '../../model/plan.ts'
import type { ActDeps } from '../writes.ts'

export interface NodeRef {
  readonly name: string
  readonly uid: string
}

/** A node as it is just before a write, or why nothing may be written. */
type Current = { readonly node: Node } | { readonly stale: Extract<Outcome, { kind: 'Stale' }> }

const stale = (why: string): Current => ({ stale: { kind: 'Stale', why } })

/** Stale if the node is gone, another one has its name, or it opted out since the decision. Rejects if it cannot be read. */
export const currentNode = async ({ name, uid }: NodeRef, { kube }: Pick<ActDeps, 'kube'>): Promise<Current> => {
  const node = await kube.get<Node>(pathOf({ kind: 'Node', name })).catch((error: unknown) => {
    if (notFound(error)) return undefined
    throw error
  })
  if (node?.metadata.uid !== uid) return stale(`node ${name} is gone or was recreated`)
  return excludes(node.metadata) ? stale(`node ${name} is excluded by ${EXCLUDE_KEY}`) : { node }
}

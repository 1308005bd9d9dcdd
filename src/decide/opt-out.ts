import type { Case } from './case.ts'
import type { Matched } from './match.ts'
import { excludes, podOptedOut } from './nodes/node-incident.ts'

/** What opted out, by name, as far as it was read: owner, any of the failing pods, namespace, node. */
export const optedOutBy = ({ incident: { owner, pods }, facts }: Case): string | undefined => {
  if (excludes(owner)) return `${owner.ref.kind} ${owner.ref.name}`
  const pod = pods.find((failing) => excludes(failing.pod.metadata))?.pod
  if (pod) return `Pod ${pod.metadata.name}`
  if (facts.namespace?.known && excludes(facts.namespace.value)) return `namespace ${facts.namespace.value.name}`
  if (facts.node?.known && excludes(facts.node.value)) return `node ${facts.node.value.name}`
  return undefined
}

/**
 * Of a node's incident: the node itself, or every pod that it is about, or its namespace. `unknown` where none is left
 * that is known to take part.
 */
export const nodeOptedOutBy = (
  c: Case,
  matched: readonly Matched[],
): { readonly by: string } | { readonly unknown: string } | undefined => {
  const { owner } = c.incident
  const { node } = c.facts
  if (excludes(owner) || (node?.known && excludes(node.value))) return { by: `node ${owner.ref.name}` }
  if (node && !node.known) return { unknown: `node ${owner.ref.name}: ${node.why}` }
  const said = matched.map(({ failing }) => podOptedOut(c, failing))
  return said.includes(undefined) ? undefined : said[0]
}

import { EXCLUDE_KEY } from '../api/names.ts'
import type { Case } from './case.ts'

interface Marked {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

const excludes = ({ labels, annotations }: Marked): boolean =>
  labels?.[EXCLUDE_KEY] === 'true' || annotations?.[EXCLUDE_KEY] === 'true'

/** What opted out, by name, as far as it was read: owner, any of the failing pods, namespace, node. */
export const optedOutBy = ({ incident: { owner, pods }, facts }: Case): string | undefined => {
  if (excludes(owner)) return `${owner.ref.kind} ${owner.ref.name}`
  const pod = pods.find((failing) => excludes(failing.pod.metadata))?.pod
  if (pod) return `Pod ${pod.metadata.name}`
  if (facts.namespace?.known && excludes(facts.namespace.value)) return `namespace ${facts.namespace.value.name}`
  if (facts.node?.known && excludes(facts.node.value)) return `node ${facts.node.value.name}`
  return undefined
}

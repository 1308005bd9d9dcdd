import type { ApplicablePolicy, DecisionInput, Matched, PolicyInForce } from '../model/decision-input.ts'
import type { FailingPod } from '../model/incident.ts'
import { isNodeItself } from '../model/kubernetes.ts'
import { excludes } from '../model/safety-switches.ts'
import { selects } from '../model/label-selector.ts'
import { PROTECTED_NAMESPACES } from '../model/names.ts'
/** The protected namespace of a failing pod if the policy does not name it; undefined if acting for the pod is allowed. */
export const protectedNamespaceOf = (
  { spec }: PolicyInForce,
  { operator }: DecisionInput,
  { pod }: FailingPod,
): string | undefined => {
  const { namespace } = pod.metadata
  if (isNodeItself(pod) || namespace === undefined) return undefined
  const isProtected = namespace === operator.namespace || PROTECTED_NAMESPACES.includes(namespace)
  return isProtected && !spec.match.namespaces?.includes(namespace) ? namespace : undefined
}

/** Whether a pod or its namespace opted out; `by` names which. Unknown if its namespace cannot be read. */
export type OptedOutPod = { readonly by: string } | { readonly unknown: string } | undefined

export const podOptedOut = ({ facts }: DecisionInput, { pod }: FailingPod): OptedOutPod => {
  if (isNodeItself(pod)) return undefined
  const { name, namespace = '' } = pod.metadata
  if (excludes(pod.metadata)) return { by: `Pod ${namespace}/${name}` }
  const fact = facts.namespaces && Object.hasOwn(facts.namespaces, namespace) ? facts.namespaces[namespace] : undefined
  if (!fact?.known) return { unknown: `namespace ${namespace}: ${fact?.why ?? 'not read'}` }
  return excludes(fact.value) ? { by: `namespace ${namespace}` } : undefined
}

/** Checks the namespace and pod clauses of a policy. A node itself matches only policies without them. `unknown` if facts are missing. */
export const placeOfPodMatches = (
  { spec }: PolicyInForce,
  { facts }: DecisionInput,
  { pod }: FailingPod,
): 'yes' | 'no' | { readonly unknown: string } => {
  const { namespaces, namespaceSelector, podSelector, images } = spec.match
  if (isNodeItself(pod)) return namespaces || namespaceSelector || podSelector || images ? 'no' : 'yes'
  const { namespace = '' } = pod.metadata
  if (namespaces && !namespaces.includes(namespace)) return 'no'
  if (!namespaceSelector || !facts.namespaces) return 'yes'
  const fact = Object.hasOwn(facts.namespaces, namespace) ? facts.namespaces[namespace] : undefined
  if (!fact?.known) return { unknown: `whether namespaceSelector matches is unknown: ${fact?.why ?? 'not read'}` }
  return selects(namespaceSelector, fact.value.labels) ? 'yes' : 'no'
}

/** The items without an objection, or all items if each has one. */
export const preferring = <T>(all: readonly T[], good: (one: T) => boolean): readonly T[] => {
  const left = all.filter(good)
  return left.length > 0 ? left : all
}

/**
 * The findings by which a policy matches a node's incident: those of matching pods that are in no protected namespace
 * and did not opt out. If none of them is left, all matching ones, and a guardrail then explains the hold. Undefined if
 * none matches.
 */
export const placeNodeMatches = (
  c: DecisionInput,
  policy: PolicyInForce,
  all: readonly Matched[],
): Pick<ApplicablePolicy, 'matched' | 'unanswered'> | undefined => {
  const { nodeSelector } = policy.spec.match
  const { node } = c.facts
  if (nodeSelector && node?.known && !selects(nodeSelector, node.value.labels)) return undefined
  const placed = all.map((matched) => ({ matched, place: placeOfPodMatches(policy, c, matched.failing) }))
  const sure = placed.flatMap(({ matched, place }) => (place === 'yes' ? [matched] : []))
  const unsure = placed.flatMap(({ matched, place }) => (typeof place === 'object' ? [{ matched, place }] : []))
  const candidates = sure.length > 0 ? sure : unsure.map(({ matched }) => matched)
  if (candidates.length === 0) return undefined
  const unanswered = [
    ...(nodeSelector && node && !node.known ? [`whether nodeSelector matches is unknown: ${node.why}`] : []),
    ...(sure.length === 0 ? [...new Set(unsure.map(({ place }) => place.unknown))].slice(0, 3) : []),
  ]
  const open = preferring(candidates, ({ failing }) => protectedNamespaceOf(policy, c, failing) === undefined)
  const matched = preferring(open, ({ failing }) => podOptedOut(c, failing) === undefined)
  return { matched, ...(unanswered.length > 0 && { unanswered: unanswered.join('; ') }) }
}

/** The protected namespace that keeps a policy from acting on a node's incident, if all remaining pods are in one. */
export const protectedNodeFrom = (
  policy: PolicyInForce,
  c: DecisionInput,
  matched: readonly Matched[],
): string | undefined => {
  const names = matched.map(({ failing }) => protectedNamespaceOf(policy, c, failing))
  return names.includes(undefined) ? undefined : names[0]
}

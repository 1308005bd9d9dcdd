/** Which policy applies to an incident, and which of its findings the policy matches. */
import { isNodeCause } from '../model/causes.ts'
import {
  type ApplicablePolicy,
  type Ask,
  askFor,
  type DecisionInput,
  type Matched,
  type PolicyInForce,
  registryFact,
  registryOf,
  surroundings,
} from '../model/decision-input.ts'
import { normalImage } from '../model/image-reference.ts'
import { type FailingPod, type Finding, isProven, nodeOfPod } from '../model/incident.ts'
import { selects } from '../model/label-selector.ts'
import { EXCLUDE_KEY, excludes, PROTECTED_NAMESPACES } from '../model/names.ts'
import { isNodeItself } from '../model/pod.ts'

/** The protected namespace of a failing pod if the policy does not name it; undefined if acting for the pod is allowed. */
const protectedNamespaceOf = (
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
type OptedOutPod = { readonly by: string } | { readonly unknown: string } | undefined

const podOptedOut = ({ facts }: DecisionInput, { pod }: FailingPod): OptedOutPod => {
  if (isNodeItself(pod)) return undefined
  const { name, namespace = '' } = pod.metadata
  if (excludes(pod.metadata)) return { by: `Pod ${namespace}/${name}` }
  const fact = facts.namespaces && Object.hasOwn(facts.namespaces, namespace) ? facts.namespaces[namespace] : undefined
  if (!fact?.known) return { unknown: `namespace ${namespace}: ${fact?.why ?? 'not read'}` }
  return excludes(fact.value) ? { by: `namespace ${namespace}` } : undefined
}

/** Checks the namespace and pod clauses of a policy. A node itself matches only policies without them. `unknown` if facts are missing. */
const placeOfPodMatches = (
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
const preferring = <T>(all: readonly T[], good: (one: T) => boolean): readonly T[] => {
  const left = all.filter(good)
  return left.length > 0 ? left : all
}

/**
 * The findings by which a policy matches a node's incident: those of matching pods that are in no protected namespace
 * and did not opt out. If none of them is left, all matching ones, and a guardrail then explains the hold. Undefined if
 * none matches.
 */
const placeNodeMatches = (
  c: DecisionInput,
  policy: PolicyInForce,
  all: readonly Matched[],
): Pick<ApplicablePolicy, 'matched' | 'spared' | 'unanswered'> | undefined => {
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
  const spared = candidates
    .filter((one) => !matched.includes(one))
    .map((one) => ({ ...one, why: whySpared(policy, c, one.failing) }))
  return {
    matched,
    ...(spared.length > 0 && { spared }),
    ...(unanswered.length > 0 && { unanswered: unanswered.join('; ') }),
  }
}

const whySpared = (policy: PolicyInForce, c: DecisionInput, failing: FailingPod): string => {
  const guarded = protectedNamespaceOf(policy, c, failing)
  if (guarded !== undefined) return `namespace ${guarded} is protected, and the policy does not name it`
  const said = podOptedOut(c, failing)
  if (said && 'unknown' in said) return `whether it opted out is unknown: ${said.unknown}`
  return `${said?.by ?? 'something'} is excluded by ${EXCLUDE_KEY}`
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

/** Highest priority first, then by name, so that every evaluation selects the same policy. */
export const byRank = (a: PolicyInForce, b: PolicyInForce): number =>
  b.spec.priority - a.spec.priority || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** The failures in the area of this incident, by pod: each pod has its own cause. */
const findingsOf = ({ diagnosis }: DecisionInput): readonly Matched[] =>
  diagnosis.pods.flatMap((failing) => failing.findings.map((finding) => ({ failing, finding })))

/** What is proven goes into the plan, the rest is named. If nothing is proven, a guardrail explains the hold. */
const apart = (found: Omit<ApplicablePolicy, 'leftOut'>): ApplicablePolicy => {
  const proven = found.matched.filter(({ finding }) => isProven(finding))
  return proven.length === 0
    ? { ...found, leftOut: [] }
    : { ...found, matched: proven, leftOut: found.matched.filter(({ finding }) => !isProven(finding)) }
}

/** `maybe` if a registry query may still change whether the policy names the cause. */
const causeMatches = (
  c: DecisionInput,
  { spec }: PolicyInForce,
  { cause, possibleCauses, image }: Finding,
): 'yes' | 'no' | 'maybe' => {
  const named = (name: string): boolean => spec.match.causes.includes(name)
  const open = image !== '' && registryOf(c.facts, image) === undefined ? possibleCauses : []
  const answers = [named(cause), ...open.map(named)]
  return answers.every(Boolean) ? 'yes' : answers.some(Boolean) ? 'maybe' : 'no'
}

/** Clauses that need only the pod and its findings. */
const findingMatches = (c: DecisionInput, policy: PolicyInForce, { failing, finding }: Matched): boolean => {
  const { images, podSelector } = policy.spec.match
  return (
    causeMatches(c, policy, finding) !== 'no' &&
    (images === undefined || (finding.image !== '' && policy.matches.image(normalImage(finding.image)))) &&
    (podSelector === undefined || selects(podSelector, failing.pod.metadata.labels)) &&
    policy.matches.message(finding.message)
  )
}

/** Protected namespaces and the operator's own match only by name. A node is in no namespace; its pods are checked one by one. */
export const protectedFrom = ({ spec }: PolicyInForce, { incident, operator }: DecisionInput): string | undefined => {
  if (isNodeCause(incident.area)) return undefined
  const namespace = incident.owner.ref.namespace ?? ''
  const guarded = PROTECTED_NAMESPACES.includes(namespace) || namespace === operator.namespace
  return guarded && !spec.match.namespaces?.includes(namespace) ? namespace : undefined
}

/** Whether a pod is on a node that the selector selects: its own node counts. */
const isOnSelected = (
  selector: NonNullable<PolicyInForce['spec']['match']['nodeSelector']>,
  { facts }: DecisionInput,
  { failing: { pod } }: Matched,
): 'yes' | 'no' | { readonly unknown: string } => {
  if (!pod.spec?.nodeName) return 'no'
  const node = nodeOfPod(facts, pod)
  if (node?.known === false) return { unknown: `whether nodeSelector matches is unknown: ${node.why}` }
  return node === undefined || selects(selector, node.value.labels) ? 'yes' : 'no'
}

/** Clauses on namespace and node. Undefined if one fails; clauses with missing facts are reported, not guessed. */
const placeMatches = (
  c: DecisionInput,
  { spec }: PolicyInForce,
  all: readonly Matched[],
): Pick<ApplicablePolicy, 'matched' | 'unanswered'> | undefined => {
  const { namespaceSelector, nodeSelector } = spec.match
  const { namespace } = c.facts
  const unanswered: string[] = []
  if (namespaceSelector && namespace) {
    if (!namespace.known) unanswered.push(`whether namespaceSelector matches is unknown: ${namespace.why}`)
    else if (!selects(namespaceSelector, namespace.value.labels)) return undefined
  }
  let matched = all
  if (nodeSelector) {
    const placed = all.map((one) => ({ one, on: isOnSelected(nodeSelector, c, one) }))
    const sure = placed.filter(({ on }) => on === 'yes')
    const unsure = placed.flatMap(({ one, on }) => (typeof on === 'object' ? [{ one, on }] : []))
    matched = (sure.length > 0 ? sure : unsure).map(({ one }) => one)
    if (sure.length === 0) unanswered.push(...new Set(unsure.map(({ on }) => on.unknown)))
  }
  return matched.length === 0
    ? undefined
    : { matched, ...(unanswered.length > 0 && { unanswered: unanswered.join('; ') }) }
}

/** Whether a policy matches the incident, or a request for missing facts. Cheapest clauses first. */
export const matches = (
  c: DecisionInput,
  policy: PolicyInForce,
  inForce: boolean,
): ApplicablePolicy | Ask | undefined => {
  const { namespaces } = policy.spec.match
  const ofNode = isNodeCause(c.incident.area)
  if (!ofNode && namespaces && !namespaces.includes(c.incident.owner.ref.namespace ?? '')) return undefined
  const possible = findingsOf(c).filter(
    (matched) =>
      findingMatches(c, policy, matched) && !(ofNode && placeOfPodMatches(policy, c, matched.failing) === 'no'),
  )
  if (possible.length === 0) return undefined

  const ask = askFor(c.facts, surroundings(c))
  if (ask) return ask
  if (ofNode) {
    const found = placeNodeMatches(c, policy, possible)
    return found && apart({ policy, ...found })
  }
  const placed = placeMatches(c, policy, possible)
  if (!placed) return undefined
  if (!inForce || optedOutBy(c)) return apart({ policy, ...placed })

  const open = placed.matched.filter(({ finding }) => causeMatches(c, policy, finding) === 'maybe')
  return (
    askFor(
      c.facts,
      open.map(({ finding }) => registryFact(finding.image)),
    ) ?? apart({ policy, ...placed })
  )
}

/** A policy that matches, or may match once the facts are known. */
export interface Candidate {
  /** Neither suspended nor kept out of the namespace. */
  readonly inForce: boolean
  readonly match: ApplicablePolicy | Ask
}

/** Undefined if the policy does not match. */
export const candidateOf = (c: DecisionInput, policy: PolicyInForce): Candidate | undefined => {
  const inForce = !policy.spec.suspend && protectedFrom(policy, c) === undefined
  const match = matches(c, policy, inForce)
  if (!match) return undefined
  const shielded = 'matched' in match && protectedNodeFrom(policy, c, match.matched) !== undefined
  return { inForce: inForce && !shielded, match }
}

/** What opted out, by name, as far as known: owner, a failing pod, its namespace, or the node of any of them. */
export const optedOutBy = ({ incident: { owner, pods }, facts }: DecisionInput): string | undefined => {
  if (excludes(owner)) return `${owner.ref.kind} ${owner.ref.name}`
  const pod = pods.find((failing) => excludes(failing.pod.metadata))?.pod
  if (pod) return `Pod ${pod.metadata.name}`
  if (facts.namespace?.known && excludes(facts.namespace.value)) return `namespace ${facts.namespace.value.name}`
  const node = Object.values(facts.nodes ?? {}).find((one) => one.known && excludes(one.value))
  return node?.known ? `node ${node.value.name}` : undefined
}

/**
 * For a node's incident: the node itself, or all of its pods or their namespaces. `unknown` if no pod is left that is
 * known to take part.
 */
export const nodeOptedOutBy = (
  c: DecisionInput,
  matched: readonly Matched[],
): { readonly by: string } | { readonly unknown: string } | undefined => {
  const { owner } = c.incident
  const { node } = c.facts
  if (excludes(owner) || (node?.known && excludes(node.value))) return { by: `node ${owner.ref.name}` }
  if (node && !node.known) return { unknown: `node ${owner.ref.name}: ${node.why}` }
  const said = matched.map(({ failing }) => podOptedOut(c, failing))
  return said.includes(undefined) ? undefined : said[0]
}

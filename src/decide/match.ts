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
import { type Finding, isProven, nodeOfPod } from '../model/incident.ts'
import { selects } from '../model/label-selector.ts'
import { PROTECTED_NAMESPACES } from '../model/names.ts'
import { placeNodeMatches, placeOfPodMatches, podOptedOut, protectedNodeFrom } from './match-node.ts'
import { excludes } from '../model/safety-switches.ts'
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

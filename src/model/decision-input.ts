import type { Remediation } from '../api/kinds.ts'
import type { AdmittedPolicy } from '../api/policy/compile.ts'
import { isNodeCause, type NodeCause } from './causes.ts'
import { normalImage } from './image-reference.ts'
import type { Diagnosis, Fact, FactName, Facts, FailingPod, Finding, Incident, RegistryAnswer } from './incident.ts'

/** A valid policy: its spec with defaults, its patterns compiled. */
export type PolicyInForce = Omit<AdmittedPolicy, 'rules'>

/** One attempt that began within the last 24 hours, on any incident. */
export interface Attempt {
  readonly policy: string
  /** `incidentId(owner, area)`. */
  readonly incident: string
  /** ms since the epoch. */
  readonly at: number
}

/** The watched state of a node; of its conditions, only Ready. */
export interface NodeState {
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  readonly ready: boolean
  readonly controlPlane: boolean
  readonly unschedulable: boolean
  /** e.g. `linux/amd64`; empty until the kubelet reports it. */
  readonly platform: string
}

/** Everything that a decision may use. No clock: `now` is an argument. */
export interface DecisionInput {
  readonly now: number
  readonly incident: Incident
  /** The result of `conclude` for the incident and facts. */
  readonly diagnosis: Diagnosis
  readonly facts: Facts
  readonly policies: readonly PolicyInForce[]
  /** Records of this owner and area, newest first. */
  readonly records: readonly Remediation[]
  /** Records of this owner in its other areas: while one of them is in progress, this one waits. */
  readonly otherAreas?: readonly Remediation[]
  /** All attempts of the last 24 h: from records and from the policies' status, without duplicates. */
  readonly attempts: readonly Attempt[]
  /** Remediations in phase Running or Verifying, by policy name (excluding this incident's own). */
  readonly active: Readonly<Record<string, number>>
  /** All nodes, for the guardrails on the number of unhealthy ones; unknown if nodes cannot be watched. */
  readonly nodes?: Fact<readonly NodeState[]>
  /** Why policies or records may be out of date, as clauses; then nothing may be done. */
  readonly stale?: readonly string[]
  /** uids of nodes with a remedy in progress, excluding this incident's own. */
  readonly nodesUnderRepair?: readonly string[]
  readonly operator: {
    readonly namespace: string
    readonly paused: Fact<boolean>
    readonly maxActionsPerHour: number
    /** How long containers must keep running to count as success, ms. */
    readonly stabilizationMs: number
  }
}

/** A request for facts that are missing. */
export interface Ask {
  readonly ask: readonly FactName[]
}

/** Name of the registry fact of an image, in normal form, so that `nginx` and `docker.io/library/nginx` are queried once. */
export const registryFact = (image: string): FactName => ({ fact: 'registry', image: normalImage(image) })

/** A registry's response for an image; undefined if it was not queried yet. */
export const registryOf = (facts: Facts, image: string): Fact<RegistryAnswer> | undefined => {
  const name = normalImage(image)
  return Object.hasOwn(facts.registry, name) ? facts.registry[name] : undefined
}

/** `linux/arm64` also covers `linux/arm64/v8`: nodes do not report their variant. */
export const serves = (platforms: readonly string[], platform: string): boolean =>
  platforms.some((one) => one === platform || one.startsWith(`${platform}/`))

const isThere = (facts: Facts, name: FactName): boolean =>
  'image' in name ? Object.hasOwn(facts[name.fact] ?? {}, normalImage(name.image)) : facts[name.fact] !== undefined

const nameOf = (name: FactName): string => ('image' in name ? `${name.fact} ${normalImage(name.image)}` : name.fact)

/**
 * Requests the missing facts, without duplicates; undefined if none is missing. All requests are created here. A fact that
 * is present, known or unknown, is never requested again, so evaluation terminates.
 */
export const askFor = (facts: Facts, names: readonly FactName[]): Ask | undefined => {
  const missing = new Map(names.filter((name) => !isThere(facts, name)).map((name) => [nameOf(name), name]))
  return missing.size === 0 ? undefined : { ask: [...missing.values()] }
}

export type FactOf<N extends FactName['fact']> = Extract<FactName, { fact: N }>

/** The request for a fact among those asked for. */
export const factNamed = <N extends FactName['fact']>(names: readonly FactName[], fact: N): FactOf<N> | undefined =>
  names.find((name): name is FactOf<N> => name.fact === fact)

/** Namespace and nodes are read in one round trip, because each of them may opt out. Pods of a node are in several namespaces. */
export const surroundings = ({ incident }: DecisionInput): readonly FactName[] =>
  isNodeCause(incident.area) ? [{ fact: 'namespaces' }, { fact: 'node' }] : surroundingsOfPods(incident)

const surroundingsOfPods = (incident: Incident): readonly FactName[] =>
  incident.pods.some(({ pod }) => pod.spec?.nodeName)
    ? [{ fact: 'namespace' }, { fact: 'nodes' }]
    : [{ fact: 'namespace' }]

/** How long a hold waits without an exact time, ms. An event may trigger an earlier check. */

/** For a slot that becomes free soon, or a cache that is about to sync. */
export const SOON = 5_000
/** For external conditions that often pass: a registry that does not respond, a pause. */
export const LATER = 30_000
/** For a person, whose change triggers an event. */
export const RARELY = 5 * 60_000

export const HOUR = 60 * 60_000
export const DAY = 24 * HOUR

/** The cause of an incident of a node; undefined for those of workloads. */
export const nodeCauseOf = ({ incident: { area } }: Pick<DecisionInput, 'incident'>): NodeCause | undefined =>
  isNodeCause(area) ? area : undefined

/** What confirms the cause of a node: the agent's inspection and, for a missing helper, what the pods' volumes need. */
export const factsOfNode = (c: Pick<DecisionInput, 'incident'>): readonly FactName[] =>
  nodeCauseOf(c) === 'MountHelperMissing' ? [{ fact: 'inspection' }, { fact: 'volumes' }] : [{ fact: 'inspection' }]

/** A finding that the applicable policy matches, on the pod where it was found. */
export interface Matched {
  readonly failing: FailingPod
  /** The current finding, refined by all known facts. */
  readonly finding: Finding
}

export interface Spared extends Matched {
  /** Why, as a clause. */
  readonly why: string
}

export interface ApplicablePolicy {
  readonly policy: PolicyInForce
  /** What a plan may be about: findings that are proven or, where none is, all of them, and then nothing may be done. */
  readonly matched: readonly Matched[]
  /** Findings that only an Event reports, or that are ruled out, beside proven ones: named, never acted on. */
  readonly leftOut: readonly Matched[]
  /** Findings on pods that the policy spares, such as those of an owner that opted out: named, never acted on. */
  readonly spared?: readonly Spared[]
  /** A clause of the policy that could not be evaluated, as a sentence; then nothing may be done. */
  readonly unanswered?: string
}

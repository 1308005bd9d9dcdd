import type { Remediation } from '../api/kinds.ts'
import type { AdmittedPolicy } from '../api/policy/compile.ts'
import { isNodeCause, type NodeCause } from './causes.ts'
import { normalImage } from './image-reference.ts'
import type { Diagnosis, Fact, FactName, Facts, FailingPod, Finding, Incident, RegistryAnswer } from './incident.ts'

/** A policy that was understood: its spec with defaults, its patterns compiled. */
export type PolicyInForce = Omit<AdmittedPolicy, 'rules'>

/** One attempt that was begun, by anyone, within the last 24 hours. */
export interface Attempt {
  readonly policy: string
  /** `incidentId(ownerUid, area)`. */
  readonly incident: string
  /** ms since the epoch. */
  readonly at: number
}

/** What is known of each node at any time, from the watch; of its conditions only whether it is Ready. */
export interface NodeState {
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  readonly ready: boolean
  readonly controlPlane: boolean
  readonly unschedulable: boolean
}

/** Everything that a decision may use. No clock: `now` is an argument. */
export interface DecisionInput {
  readonly now: number
  readonly incident: Incident
  /** What `conclude` made of incident and facts. */
  readonly diagnosis: Diagnosis
  readonly facts: Facts
  readonly policies: readonly PolicyInForce[]
  /** Records of this owner and area, newest first. */
  readonly records: readonly Remediation[]
  /** Records of this owner in its other areas: while one of them runs, this one waits. */
  readonly otherAreas?: readonly Remediation[]
  /** All attempts of the last 24 h: from records and from the policies' status, without doubles. */
  readonly attempts: readonly Attempt[]
  /** Remediations in phase Running or Verifying, by policy name (this incident's own not counted). */
  readonly active: Readonly<Record<string, number>>
  /** Every node, for the guardrails on how many are unhealthy; unknown where nodes cannot be watched. */
  readonly nodes?: Fact<readonly NodeState[]>
  /** uids of nodes on which a remedy is in progress, without this incident's own. */
  readonly nodesUnderRepair?: readonly string[]
  readonly operator: {
    readonly namespace: string
    readonly paused: Fact<boolean>
    readonly maxActionsPerHour: number
    /** How long containers must stay started to count as success, ms. */
    readonly stabilizationMs: number
  }
}

/** A request for facts that are missing. */
export interface Ask {
  readonly ask: readonly FactName[]
}

/** Name of the registry's answer on an image; the normal form, so that `nginx` and `docker.io/library/nginx` are asked once. */
export const registryFact = (image: string): FactName => ({ fact: 'registry', image: normalImage(image) })

/** What a registry said of an image; undefined where it was not asked yet. */
export const registryOf = (facts: Facts, image: string): Fact<RegistryAnswer> | undefined => {
  const name = normalImage(image)
  return Object.hasOwn(facts.registry, name) ? facts.registry[name] : undefined
}

/** `linux/arm64` also covers `linux/arm64/v8`: nodes do not tell their variant. */
export const serves = (platforms: readonly string[], platform: string): boolean =>
  platforms.some((one) => one === platform || one.startsWith(`${platform}/`))

const isThere = (facts: Facts, name: FactName): boolean =>
  'image' in name ? Object.hasOwn(facts[name.fact] ?? {}, normalImage(name.image)) : facts[name.fact] !== undefined

const nameOf = (name: FactName): string => ('image' in name ? `${name.fact} ${normalImage(name.image)}` : name.fact)

/**
 * Asks for those of the facts that are not there, each once; undefined where all are. The only maker of requests:
 * a fact that is there, known or not, is never asked for again, so asking always comes to an end.
 */
export const askFor = (facts: Facts, names: readonly FactName[]): Ask | undefined => {
  const missing = new Map(names.filter((name) => !isThere(facts, name)).map((name) => [nameOf(name), name]))
  return missing.size === 0 ? undefined : { ask: [...missing.values()] }
}

/** Namespace and node go together: both may opt out, and one round trip reads both. Pods of a node have many namespaces. */
export const surroundings = ({ incident }: DecisionInput): readonly FactName[] =>
  isNodeCause(incident.area) ? [{ fact: 'namespaces' }, { fact: 'node' }] : surroundingsOfPods(incident)

const surroundingsOfPods = (incident: Incident): readonly FactName[] =>
  incident.pods.some(({ pod }) => pod.spec?.nodeName)
    ? [{ fact: 'namespace' }, { fact: 'node' }]
    : [{ fact: 'namespace' }]

/** How long a hold waits where no exact time is known, ms. An earlier event comes first in any case. */

/** A slot that frees up soon, a cache that is about to be filled. */
export const SOON = 5_000
/** Something out of our hands that often passes by itself: a registry that does not answer, a pause. */
export const LATER = 30_000
/** Waits for a person, whose change gives a signal of its own. */
export const RARELY = 5 * 60_000

export const HOUR = 60 * 60_000
export const DAY = 24 * HOUR

/** The cause that an incident of a node is about; undefined for those of workloads. */
export const nodeCauseOf = ({ incident: { area } }: Pick<DecisionInput, 'incident'>): NodeCause | undefined =>
  isNodeCause(area) ? area : undefined

/** A finding that the applicable policy matches, on the pod where it was found. */
export interface Matched {
  readonly failing: FailingPod
  /** As it is known now: refined by all facts at hand. */
  readonly finding: Finding
}

export interface ApplicablePolicy {
  readonly policy: PolicyInForce
  readonly matched: readonly Matched[]
  /** A clause of the policy that could not be answered, in a sentence; then nothing may be done. */
  readonly unanswered?: string
  /** Other policies of the same priority that match the same findings. */
  readonly ties: readonly string[]
}

import type { AdmittedPolicy } from '../api/admitted-policy.ts'
import type { Remediation } from '../api/objects.ts'
import type { Diagnosis, Fact, Facts, Incident } from '../diagnose/incident.ts'

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

/** Everything that a decision may look at. No clock: `now` is an argument. */
export interface Case {
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
  /** uids of nodes on which a remedy is under way, without this incident's own. */
  readonly nodesUnderRepair?: readonly string[]
  readonly operator: {
    readonly namespace: string
    readonly paused: Fact<boolean>
    readonly maxActionsPerHour: number
    /** How long containers must stay started to count as success, ms. */
    readonly settleMs: number
  }
}

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
  readonly operator: {
    readonly namespace: string
    readonly paused: Fact<boolean>
    readonly maxActionsPerHour: number
    /** How long containers must stay started to count as success, ms. */
    readonly settleMs: number
  }
}

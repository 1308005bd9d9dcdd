import type { Remediation } from '../api/kinds.ts'
import type { Attempt, DecisionInput, NodeState, PolicyInForce } from '../model/decision-input.ts'
import type { Diagnosis, Fact, FactName, Facts, Incident } from '../model/incident.ts'
import type { Verdict } from '../model/plan.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import type { OpenIncident } from './incidents.ts'
import type { Reservations } from './limits.ts'
import { areaOfRecord } from '../model/remediation-state.ts'

/** What settling an incident needs from the stages. */
export interface EvaluateDeps {
  readonly conclude: (incident: Incident, facts: Facts) => Diagnosis
  readonly decide: (input: DecisionInput) => Verdict
  readonly gather: (incident: Incident, names: readonly FactName[], have: Facts) => Promise<Facts>
}

/** decide asks for less each time; more rounds than there are kinds of facts would be a fault of ours. */
const MAX_ROUNDS = 8

export interface Evaluation {
  readonly verdict: Exclude<Verdict, { kind: 'Ask' }>
  readonly diagnosis: Diagnosis
  readonly facts: Facts
}

/** Decides (pure) and reads in turn: only the facts that the decision asks for, cheapest first. */
export const evaluate = async (
  incident: Incident,
  snapshot: Snapshot,
  { conclude, decide, gather }: EvaluateDeps,
): Promise<Evaluation> => {
  let facts: Facts = { registry: {} }
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const diagnosis = conclude(incident, facts)
    const verdict = decide({ ...snapshot, incident, diagnosis, facts })
    if (verdict.kind !== 'Ask') return { verdict, diagnosis, facts }
    facts = await gather(incident, verdict.facts, facts)
  }
  throw new Error(`deciding ${incident.key}: the same facts were asked for ${MAX_ROUNDS} times`)
}

/** The part of a case that is no fact about the incident: what is allowed, and what was done before. */
export type Snapshot = Omit<DecisionInput, 'incident' | 'diagnosis' | 'facts'>

export interface SnapshotDeps {
  readonly policies: () => readonly PolicyInForce[]
  readonly records: Pick<RemediationCache, 'of' | 'ofOwner' | 'activeByPolicy' | 'nodesUnderRepair'>
  /** Attempts of the last 24 h that stand on records or policies. */
  readonly attempts: (now: number) => readonly Attempt[]
  readonly reservations: Reservations
  readonly paused: () => Fact<boolean>
  /** Every node as it is watched; absent where nobody watches them. */
  readonly nodes?: () => Fact<readonly NodeState[]>
  readonly operator: Omit<DecisionInput['operator'], 'paused'>
}

const otherAreas = (records: readonly Remediation[], area: string): readonly Remediation[] =>
  records.filter((record) => areaOfRecord(record) !== area)

/** Answers the world as it is known at this instant; synchronous, so that a decision sees one state. */
export const createSnapshot =
  ({ policies, records, attempts, reservations, paused, nodes, operator }: SnapshotDeps) =>
  ({ key, target, area }: OpenIncident, now: number): Snapshot => {
    const reserved = reservations.without(key)
    const active: Record<string, number> = { ...records.activeByPolicy({ ownerUid: target.uid, area }) }
    for (const { policy } of reserved) active[policy] = (active[policy] ?? 0) + 1
    return {
      now,
      policies: policies(),
      records: records.of(target.uid, area),
      otherAreas: otherAreas(records.ofOwner(target.uid), area),
      attempts: [...attempts(now), ...reserved],
      active,
      ...(nodes && { nodes: nodes() }),
      nodesUnderRepair: [
        ...new Set([...records.nodesUnderRepair({ ownerUid: target.uid, area }), ...reservations.nodesWithout(key)]),
      ],
      operator: { ...operator, paused: paused() },
    }
  }

import { decide } from '../decide/decide.ts'
import { occupiesNode } from '../decide/guardrails/target.ts'
import { conclude } from '../diagnose/conclude.ts'
import type { Attempt, DecisionInput, NodeState, PolicyInForce } from '../model/decision-input.ts'
import type { Diagnosis, Fact, FactName, Facts, Incident } from '../model/incident.ts'
import type { Verdict } from '../model/plan.ts'
import { areaOfRecord } from '../model/remediation-state.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import type { OpenIncident } from './incidents.ts'
import type { Reservations } from './limits.ts'

/** Reads the requested facts and adds them to the known ones; what cannot be read becomes unknown. Never rejects. */
export type Gather = (incident: Incident, names: readonly FactName[], have: Facts) => Promise<Facts>

export interface Evaluation {
  readonly verdict: Exclude<Verdict, { kind: 'Ask' }>
  readonly diagnosis: Diagnosis
  readonly facts: Facts
}

/** Each round asks for fewer facts, so more rounds than there are kinds of facts indicate a bug. */
const MAX_ROUNDS = 8

/** Alternates between deciding (pure) and reading only the facts that the decision asks for, cheapest first. */
export const evaluate = async (incident: Incident, snapshot: Snapshot, gather: Gather): Promise<Evaluation> => {
  let facts: Facts = { registry: {} }
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const diagnosis = conclude(incident, facts)
    const verdict = decide({ ...snapshot, incident, diagnosis, facts })
    if (verdict.kind !== 'Ask') return { verdict, diagnosis, facts }
    facts = await gather(incident, verdict.facts, facts)
  }
  throw new Error(`deciding ${incident.key}: the same facts were asked for ${MAX_ROUNDS} times`)
}

/** The inputs of a decision besides the incident: what is allowed, and what was done before. */
export type Snapshot = Omit<DecisionInput, 'incident' | 'diagnosis' | 'facts'>

/** Sources of a snapshot. */
export interface SnapshotSource {
  readonly policies: readonly PolicyInForce[]
  readonly remediations: Pick<RemediationCache, 'of' | 'ofOwner' | 'asOfNow' | 'activeByPolicy' | 'nodesUnderRepair'>
  /** Attempts of the last 24 h, from records and from the status of policies. */
  readonly attempts: readonly Attempt[]
  readonly reservations: Reservations
  /** All watched nodes. */
  readonly nodes: Fact<readonly NodeState[]>
  /** Why policies or records may be out of date. */
  readonly stale: readonly string[]
  readonly operator: DecisionInput['operator']
}

/** The current state; synchronous, so that a decision sees a consistent state. */
export const takeSnapshot = (
  { key, target, area }: Pick<OpenIncident, 'key' | 'target' | 'area'>,
  { policies, remediations, attempts, reservations, nodes, stale, operator }: SnapshotSource,
  now: number,
): Snapshot => {
  const reserved = reservations.without(key)
  const active: Record<string, number> = { ...remediations.activeByPolicy(key) }
  for (const { policy } of reserved) active[policy] = (active[policy] ?? 0) + 1
  return {
    now,
    policies,
    records: remediations.of(target, area).map(remediations.asOfNow),
    otherAreas: remediations
      .ofOwner(target)
      .filter((record) => areaOfRecord(record) !== area)
      .map(remediations.asOfNow),
    attempts: [...attempts, ...reserved],
    active,
    nodes,
    stale,
    nodesUnderRepair: [
      ...new Set([...remediations.nodesUnderRepair(key, occupiesNode), ...reservations.nodesWithout(key)]),
    ],
    operator,
  }
}

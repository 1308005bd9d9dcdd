import type { Remediation } from '../api/objects.ts'
import type { Attempt, Case, NodeState, PolicyInForce } from '../decide/case.ts'
import type { Fact } from '../diagnose/incident.ts'
import { areaOfRecord } from '../report/ledger.ts'
import type { OpenIncident } from './incidents.ts'
import type { Records } from './records.ts'
import type { Reservations } from './reservations.ts'

/** The part of a case that is no fact about the incident: what is allowed, and what was done before. */
export type World = Omit<Case, 'incident' | 'diagnosis' | 'facts'>

export interface WorldDeps {
  readonly policies: () => readonly PolicyInForce[]
  readonly records: Pick<Records, 'of' | 'ofOwner' | 'activeByPolicy' | 'nodesUnderRepair'>
  /** Attempts of the last 24 h that stand on records or policies. */
  readonly attempts: (now: number) => readonly Attempt[]
  readonly reservations: Reservations
  readonly paused: () => Fact<boolean>
  /** Every node as it is watched; absent where nobody watches them. */
  readonly nodes?: () => Fact<readonly NodeState[]>
  readonly operator: Omit<Case['operator'], 'paused'>
}

const otherAreas = (records: readonly Remediation[], area: string): readonly Remediation[] =>
  records.filter((record) => areaOfRecord(record) !== area)

/** Answers the world as it is known at this instant; synchronous, so that a decision sees one state. */
export const createWorld =
  ({ policies, records, attempts, reservations, paused, nodes, operator }: WorldDeps) =>
  ({ key, target, area }: OpenIncident, now: number): World => {
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

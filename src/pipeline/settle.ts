import type { Case } from '../decide/case.ts'
import type { Verdict } from '../decide/verdict.ts'
import type { Diagnosis, FactName, Facts, Incident } from '../diagnose/incident.ts'
import type { World } from './world.ts'

/** What settling an incident needs from the stages. */
export interface SettleDeps {
  readonly conclude: (incident: Incident, facts: Facts) => Diagnosis
  readonly decide: (input: Case) => Verdict
  readonly gather: (incident: Incident, names: readonly FactName[], have: Facts) => Promise<Facts>
}

/** decide asks for less each time; more rounds than there are kinds of facts would be a fault of ours. */
const MAX_ROUNDS = 8

export interface Settled {
  readonly verdict: Exclude<Verdict, { kind: 'Ask' }>
  readonly diagnosis: Diagnosis
  readonly facts: Facts
}

/** Decides (pure) and reads in turn: only the facts that the decision asks for, cheapest first. */
export const settle = async (
  incident: Incident,
  world: World,
  { conclude, decide, gather }: SettleDeps,
): Promise<Settled> => {
  let facts: Facts = { registry: {} }
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const diagnosis = conclude(incident, facts)
    const verdict = decide({ ...world, incident, diagnosis, facts })
    if (verdict.kind !== 'Ask') return { verdict, diagnosis, facts }
    facts = await gather(incident, verdict.facts, facts)
  }
  throw new Error(`deciding ${incident.key}: the same facts were asked for ${MAX_ROUNDS} times`)
}

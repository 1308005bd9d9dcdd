/**
 * Evaluates an incident: takes a snapshot of the state, decides, and reads the facts that the decision asks for. A held
 * incident is decided again in memory until something changes that its last check used.
 */
import type { Remediation } from '../api/kinds.ts'
import type { Config } from '../config/config.ts'
import { decide } from '../decide/decide.ts'
import { linkOf } from '../decide/guardrails/chain.ts'
import { conclude, diagnose } from '../diagnose/conclude.ts'
import type { Gather } from '../diagnose/gather.ts'
import { buildIncident } from '../diagnose/incident.ts'
import { type Attempt, type DecisionInput, LATER, type NodeState, type PolicyInForce } from '../model/decision-input.ts'
import { type Diagnosis, type Fact, type Facts, type Incident, unknown } from '../model/incident.ts'
import type { Verdict } from '../model/plan.ts'
import { areaOfRecord, isInProgress, isOpen } from '../model/remediation-state.ts'
import type { Clock } from '../runtime/clock.ts'
import type { NodeEntry } from '../watch/node-cache.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import type { OpenIncident } from './incidents.ts'
import type { Reservations } from './limits.ts'
import type { State } from './state.ts'

export interface Evaluation {
  readonly verdict: Exclude<Verdict, { kind: 'Ask' }>
  readonly diagnosis: Diagnosis
  readonly facts: Facts
}

/** Each round asks for fewer facts, so more rounds than there are kinds of facts indicate a bug. */
const MAX_ROUNDS = 8

/** Alternates between the diagnosis and the decision, which asks for the facts that it still needs, cheapest first. */
export const evaluate = async (incident: Incident, snapshot: Snapshot, gather: Gather): Promise<Evaluation> => {
  let found = await diagnose(incident, [], { registry: {} }, gather)
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const verdict = decide({ ...snapshot, incident, ...found })
    if (verdict.kind !== 'Ask') return { verdict, ...found }
    found = await diagnose(incident, verdict.facts, found.facts, gather)
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
    nodesUnderRepair: [...new Set([...remediations.nodesUnderRepair(key), ...reservations.nodesWithout(key)])],
    operator,
  }
}

/** What a watch reported; unknown while the watch is out of date. A fact that is unknown by itself keeps its reason, such as a missing right. */
const unlessStale = <T>(why: string | undefined, fact: Fact<T>): Fact<T> =>
  why === undefined || !fact.known ? fact : unknown(why)

/** Objects that the API server protects, without which a decision would not know what was decided or written before. */
const DECISIVE = ['remediationpolicies', 'remediations'] as const

/** The current inputs of a decision on this incident. `now` in ms since the epoch. */
export const snapshotOf = (
  state: State,
  incident: OpenIncident,
  config: Pick<Config, 'namespace' | 'maxActionsPerHour' | 'stabilizationWindowMs'>,
  now: number,
): Snapshot =>
  takeSnapshot(
    incident,
    {
      policies: state.policies.inForce(),
      remediations: state.remediations,
      attempts: state.attempts.recent(),
      reservations: state.reservations,
      nodes: unlessStale(state.stale('nodes'), state.nodes.fact()),
      stale: DECISIVE.flatMap((name) => state.stale(name) ?? []),
      operator: {
        namespace: config.namespace,
        paused: unlessStale(state.stale('namespaces'), state.paused),
        maxActionsPerHour: config.maxActionsPerHour,
        stabilizationMs: config.stabilizationWindowMs,
      },
    },
    now,
  )

// The last check of a held incident. Until something that the decision used changes, the incident is decided again in memory,
// so that requests grow with news and not with the number of checks.

export interface LastChecksDeps {
  readonly state: State
  readonly config: Pick<Config, 'namespace' | 'maxActionsPerHour' | 'stabilizationWindowMs'>
  readonly clock: Clock
}

export interface LastChecks {
  /** Remembers a check that held or ignored the incident. `open` is the incident as it was when the check began. */
  readonly remember: (open: OpenIncident, incident: Incident, evaluation: Evaluation) => void
  /** When to check again if nothing changed since the last check; undefined if facts must be read. */
  readonly stands: (open: OpenIncident) => { readonly requeueAfterMs?: number } | undefined
}

/** How long facts are reused at most. */
const LONGEST_MS = 5 * 60_000

const isSame = (a: Verdict, b: Verdict): boolean => {
  if (a.kind === 'Ignore') return b.kind === 'Ignore' && a.why === b.why && a.diagnosis?.cause === b.diagnosis?.cause
  if (a.kind !== 'Hold' || b.kind !== 'Hold') return false
  return (
    a.reason === b.reason &&
    a.foreseen === b.foreseen &&
    a.ends === b.ends &&
    a.policy.uid === b.policy.uid &&
    a.policy.generation === b.policy.generation &&
    a.diagnosis.cause === b.diagnosis.cause &&
    // A record in progress has no plan of its own while it is held.
    a.plan?.type === b.plan?.type
  )
}

const podsOf = ({ pods }: OpenIncident): string =>
  JSON.stringify(
    [...pods.values()].map(({ pod: { metadata, spec } }) => [
      metadata.uid,
      metadata.deletionTimestamp !== undefined,
      [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ image }) => image),
    ]),
  )

export const createLastChecks = ({ state, config, clock }: LastChecksDeps): LastChecks => {
  const { incidents, nodes, remediations } = state

  const recordsOf = ({ target, area }: OpenIncident): readonly Remediation[] => remediations.of(target, area)

  const idsOf = (records: readonly Remediation[]): string =>
    JSON.stringify(records.map((one) => [one.metadata.uid, one.metadata.generation, isOpen(one), isInProgress(one)]))

  const nodesOf = ({ pods, target }: OpenIncident): readonly (NodeEntry | undefined)[] =>
    target.kind === 'Node'
      ? [nodes.get(target.uid)]
      : [...pods.values()].map(({ pod }) => nodes.named(pod.spec?.nodeName ?? ''))

  return {
    remember: (open, { owner }, { verdict, facts }) => {
      const records = recordsOf(open)
      if (verdict.kind !== 'Hold' && verdict.kind !== 'Ignore') return
      // A begun step is remembered only while a guardrail holds it: its outcome is read.
      if (verdict.kind === 'Ignore' && records.some(isInProgress)) return
      const at = clock.monotonic()
      const before = open.lastCheck
      const since = before && isSame(before.verdict, verdict) ? before.since : at
      // No watch reports what a person changes on the workload or its namespace: a resumed rollout is noticed within half
      // a minute. The longer it has been held, the less often its facts are read.
      const soon = verdict.kind === 'Hold' && linkOf(verdict.reason).watched !== true
      const restMs = soon ? Math.max(Math.min(LATER, verdict.requeueAt - clock.now()), (at - since) / 2) : LONGEST_MS
      const readAgainAt = at + Math.min(LONGEST_MS, restMs)
      const used = { owner, facts, pods: podsOf(open), records: idsOf(records), nodes: nodesOf(open) }
      incidents.remember(open.key, { verdict, since, readAgainAt, ...used })
    },

    stands: (open) => {
      const { lastCheck, area, unchecked } = open
      const leftMs = lastCheck ? lastCheck.readAgainAt - clock.monotonic() : 0
      if (!lastCheck || leftMs <= 0 || open.pods.size === 0 || unchecked) return undefined
      if (podsOf(open) !== lastCheck.pods || idsOf(recordsOf(open)) !== lastCheck.records) return undefined
      if (nodesOf(open).some((node, i) => node !== lastCheck.nodes[i])) return undefined
      const { owner, facts } = lastCheck
      const incident = buildIncident({ owner, area, pods: [...open.pods.values()] })
      const now = clock.now()
      const snapshot = snapshotOf(state, open, config, now)
      const verdict = decide({ ...snapshot, incident, diagnosis: conclude(incident, facts), facts })
      if (!isSame(lastCheck.verdict, verdict)) return undefined
      return verdict.kind === 'Hold' ? { requeueAfterMs: Math.min(leftMs, Math.max(0, verdict.requeueAt - now)) } : {}
    },
  }
}

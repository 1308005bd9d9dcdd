/**
 * What the last check of a held incident found. Until something that the decision used changes, the incident is decided
 * again in memory, so that requests grow with news and not with the number of checks.
 */
import type { Remediation } from '../api/kinds.ts'
import type { Config } from '../config/config.ts'
import { decide } from '../decide/decide.ts'
import { linkOf } from '../decide/guardrails/chain.ts'
import { buildIncident } from '../diagnose/incident.ts'
import { conclude } from '../diagnose/conclude.ts'
import { LATER } from '../model/decision-input.ts'
import type { Incident } from '../model/incident.ts'
import type { Verdict } from '../model/plan.ts'
import { isInProgress, isOpen } from '../model/remediation-state.ts'
import type { Clock } from '../runtime/clock.ts'
import type { NodeEntry } from '../watch/node-cache.ts'
import type { Evaluation } from './evaluate.ts'
import type { OpenIncident } from './incidents.ts'
import { snapshotOf, type State } from './state.ts'

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
    JSON.stringify(records.map((record) => [record.metadata.uid, record.metadata.generation, isOpen(record)]))

  const nodesOf = ({ pods, target }: OpenIncident): readonly (NodeEntry | undefined)[] =>
    target.kind === 'Node'
      ? [nodes.get(target.uid)]
      : [...pods.values()].map(({ pod }) => nodes.named(pod.spec?.nodeName ?? ''))

  return {
    remember: (open, { owner }, { verdict, facts }) => {
      const records = recordsOf(open)
      if ((verdict.kind !== 'Hold' && verdict.kind !== 'Ignore') || records.some(isInProgress)) return
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

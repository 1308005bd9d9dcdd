/** What a change of a record adds to the metrics. Pure. */
import type { Remediation } from '../api/objects.ts'
import { HOLD_REASONS, type Phase } from '../api/reasons.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import { parseTime } from '../api/time.ts'
import { lastBegun } from './steps.ts'

export interface Tally {
  /** A guardrail began to hold it. */
  readonly held?: { readonly policy: string; readonly reason: string }
  /** An attempt came to an end. */
  readonly ended?: {
    readonly policy: string
    readonly action: string
    readonly result: Phase
    /** From first sight until verified; of successes only. */
    readonly seconds?: number
  }
}

const HOLDS: ReadonlySet<string> = new Set(HOLD_REASONS)
const ENDS: ReadonlySet<Phase> = new Set(['Succeeded', 'Ineffective', 'Failed', 'Cancelled'])

/** Counts transitions, once each: not looks. */
export const tallyOf = (before: RemediationStatus | undefined, record: Remediation): Tally => {
  const { status, spec } = record
  if (!status || status === before) return {}
  const policy = spec.policy.name
  const { phase, reason } = status
  const held = reason !== undefined && HOLDS.has(reason) && reason !== before?.reason ? { policy, reason } : undefined
  const step = lastBegun(status.steps ?? [])
  const ended = phase !== undefined && ENDS.has(phase) && phase !== before?.phase && step !== undefined
  if (!ended) return held ? { held } : {}
  const began = parseTime(status.firstSeen) ?? parseTime(status.startedAt)
  const until = parseTime(status.finishedAt)
  const took =
    phase === 'Succeeded' && began !== undefined && until !== undefined ? { seconds: (until - began) / 1_000 } : {}
  return { ...(held && { held }), ended: { policy, action: step.action, result: phase, ...took } }
}

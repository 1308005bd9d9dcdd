/** What a change of a record adds to the metrics. Pure. */
import { governingPolicy } from '../api/governing-policy.ts'
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
    /** How the record ended; of a plan that was never carried out because nobody said yes, how that came. */
    readonly result: Phase | 'Denied' | 'Expired'
    /** From first sight until verified; of successes only. */
    readonly seconds?: number
  }
}

const HOLDS: ReadonlySet<string> = new Set(HOLD_REASONS)
const ENDS: ReadonlySet<Phase> = new Set(['Succeeded', 'Ineffective', 'Failed', 'Cancelled'])

/** Counts transitions, once each: not looks. */
export const tallyOf = (before: RemediationStatus | undefined, record: Remediation): Tally => {
  const { status } = record
  if (!status || status === before) return {}
  const policy = governingPolicy(record).name
  const { phase, reason } = status
  const turnedDown = phase === 'Cancelled' && (reason === 'Denied' || reason === 'Expired') && reason !== before?.reason
  if (turnedDown && status.action !== undefined) return { ended: { policy, action: status.action, result: reason } }
  const ending = phase !== before?.phase && phase !== undefined && ENDS.has(phase)
  const began = reason !== undefined && HOLDS.has(reason) && reason !== before?.reason && !ending
  const held = began ? { policy, reason } : undefined
  const step = lastBegun(status.steps ?? [])
  if (!ending || step === undefined) return held ? { held } : {}
  const since = parseTime(status.firstSeen) ?? parseTime(status.startedAt)
  const until = parseTime(status.finishedAt)
  const took =
    phase === 'Succeeded' && since !== undefined && until !== undefined ? { seconds: (until - since) / 1_000 } : {}
  return { ...(held && { held }), ended: { policy, action: step.action, result: phase, ...took } }
}

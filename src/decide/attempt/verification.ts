/** What the proofs of all remedies have in common. Times are ms since the epoch. */
import type { DecisionInput } from '../../model/decision-input.ts'
import { parseDuration, parseTime } from '../../model/duration.ts'
import type { Verdict } from '../../model/plan.ts'
import { policyOf, type InProgress } from '../../model/remediation-state.ts'

const DEFAULT_TIMEOUT = 5 * 60_000

export type Verification = Extract<Verdict, { kind: 'Verify' }>

export const verification = (
  c: DecisionInput,
  outcome: 'Succeeded' | 'Cancelled',
  reason: string,
  message: string,
): Verification => ({
  kind: 'Verify',
  outcome,
  reason,
  message,
  requeueAt: c.now,
})

export const waiting = (message: string, requeueAt: number): Verification => ({
  kind: 'Verify',
  outcome: 'Waiting',
  reason: 'Verifying',
  message,
  requeueAt,
})

/** When the remedy has had its time. Without any time on the record it is never up. */
export const deadlineOf = (c: DecisionInput, { record, step }: InProgress): number => {
  const began =
    parseTime(step.actedAt) ?? parseTime(step.intendedAt) ?? parseTime(record.metadata.creationTimestamp) ?? c.now
  const timeout = policyOf(c, record)?.spec.actions[step.index]?.timeout
  return began + (timeout === undefined ? DEFAULT_TIMEOUT : parseDuration(timeout))
}

/** The pods' own moves make us look sooner; this is for those that go unseen. 2 s at first, 15 s at most; ms. */
export const patience = (c: DecisionInput, { step }: InProgress): number =>
  Math.min(15_000, Math.max(2_000, (c.now - (parseTime(step.actedAt) ?? c.now)) / 2))

/** What the proofs of all remedies have in common. Times are ms since the epoch. */
import type { Case } from '../../model/decision-input.ts'
import { parseDuration, parseTime } from '../../model/duration.ts'
import type { Verdict } from '../../model/plan.ts'
import { policyOf, type UnderWay } from '../../model/remediation-state.ts'

const DEFAULT_TIMEOUT = 5 * 60_000

export type Proof = Extract<Verdict, { kind: 'Prove' }>

export const proof = (c: Case, outcome: 'Succeeded' | 'Cancelled', reason: string, message: string): Proof => ({
  kind: 'Prove',
  outcome,
  reason,
  message,
  lookAgainAt: c.now,
})

export const waiting = (message: string, lookAgainAt: number): Proof => ({
  kind: 'Prove',
  outcome: 'Waiting',
  reason: 'WaitingForProof',
  message,
  lookAgainAt,
})

/** When the remedy has had its time. Without any time on the record it is never up. */
export const deadlineOf = (c: Case, { record, step }: UnderWay): number => {
  const began =
    parseTime(step.actedAt) ?? parseTime(step.intendedAt) ?? parseTime(record.metadata.creationTimestamp) ?? c.now
  const timeout = policyOf(c, record)?.spec.actions[step.index]?.timeout
  return began + (timeout === undefined ? DEFAULT_TIMEOUT : parseDuration(timeout))
}

/** The pods' own moves make us look sooner; this is for those that go unseen. 2 s at first, 15 s at most; ms. */
export const patience = (c: Case, { step }: UnderWay): number =>
  Math.min(15_000, Math.max(2_000, (c.now - (parseTime(step.actedAt) ?? c.now)) / 2))

/**
 * One vocabulary of reasons for a record's status, its conditions, Events and metrics, with what becomes of each:
 * whether its Event warns, whether the policy gets the Event as well, and what it means (for the docs).
 */
import type { RemediationReason } from '../api/remediation.ts'
import { GUARDRAILS } from '../decide/guardrails/chain.ts'
import type { HoldReason } from '../model/reasons.ts'
import { REMEDIES } from '../remedies/list.ts'

/** Reasons of Events beside those that a record stays with, and those of the remedies. */
export const EVENT_REASONS = ['FlagCleared', 'StaleRead'] as const

export type Reason = RemediationReason | (typeof EVENT_REASONS)[number]

export interface ReasonEntry {
  readonly type: 'Normal' | 'Warning'
  /** What gets an Event: nothing, the workload, or the workload and the policy. */
  readonly events: 'none' | 'owner' | 'both'
  readonly meaning: string
}

const entry = (type: ReasonEntry['type'], events: ReasonEntry['events'], meaning: string): ReasonEntry => ({
  type,
  events,
  meaning,
})

const OUTCOMES: Readonly<Record<Exclude<Reason, HoldReason>, ReasonEntry>> = {
  Acting: entry('Normal', 'none', 'The intent is recorded; the write comes next.'),
  Verifying: entry('Normal', 'none', 'The write was accepted; whether it helped is being watched.'),
  FlagCleared: entry(
    'Normal',
    'owner',
    'What a node was flagged for is over; condition, label and taint were cleared.',
  ),
  StaleRead: entry('Normal', 'none', 'The world moved before the write; nothing was written.'),
  Repaired: entry('Normal', 'both', 'The containers started and stayed so; on a node, what it was for recovered.'),
  DidNotHelp: entry('Warning', 'both', 'The remedy did not help in its time.'),
  OwnerGone: entry('Normal', 'owner', 'The workload is gone.'),
  ScaledToZero: entry('Normal', 'owner', 'The workload wants no pods any more.'),
  Recovered: entry('Normal', 'none', 'It recovered by itself.'),
  NoPolicy: entry('Normal', 'none', 'No policy answers to it any more.'),
  WriteRefused: entry('Warning', 'both', 'The API server refused the write.'),
  Undone: entry('Normal', 'both', 'What did not help was taken back.'),
  Denied: entry('Normal', 'both', 'A person denied the plan.'),
  Expired: entry('Warning', 'both', 'Nobody decided on the plan in time.'),
  Flagged: entry('Warning', 'none', 'The node is flagged: a person, or a policy that installs, has to do the rest.'),
  Superseded: entry('Normal', 'none', 'Another revision of the workload fails now, which has a record of its own.'),
}

const sentence = (clause: string): string => `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`

const HOLDS = GUARDRAILS.map(
  ({ reason, event: [type, on], when }) => [reason, entry(type, on, sentence(when))] as const,
)

const DONE = Object.values(REMEDIES).map(
  ({ event: { reason, type, meaning } }) => [reason, entry(type, 'both', meaning)] as const,
)

/** Every reason: of guardrails, of outcomes, and of what remedies do. */
export const REASONS: Readonly<Record<string, ReasonEntry>> = Object.fromEntries([
  ...HOLDS,
  ...Object.entries(OUTCOMES),
  ...DONE,
])

/** The entry of a reason; one that is not in the table warns on the workload. */
export const reasonEntry = (reason: string): ReasonEntry => REASONS[reason] ?? entry('Warning', 'owner', reason)

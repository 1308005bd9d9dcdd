/**
 * The reasons of a record's status, conditions, Events and metrics, with the attributes of each: whether its Event is a
 * Warning, whether the policy also gets the Event, and what it means (for the docs).
 */
import type { RemediationReason } from '../api/remediation.ts'
import { GUARDRAILS } from '../decide/guardrails/chain.ts'
import type { HoldReason } from '../model/reasons.ts'
import { REMEDIES } from '../remedies/list.ts'

/** Reasons of Events, in addition to those of statuses and remedies. */
export const EVENT_REASONS = ['FlagCleared', 'StaleRead'] as const

export type Reason = RemediationReason | (typeof EVENT_REASONS)[number]

export interface ReasonEntry {
  readonly type: 'Normal' | 'Warning'
  /** Objects that get an Event: none, the workload, or the workload and the policy. */
  readonly events: 'none' | 'owner' | 'both'
  readonly meaning: string
}

const entry = (type: ReasonEntry['type'], events: ReasonEntry['events'], meaning: string): ReasonEntry => ({
  type,
  events,
  meaning,
})

const OUTCOMES: Readonly<Record<Exclude<Reason, HoldReason>, ReasonEntry>> = {
  Acting: entry('Normal', 'none', 'The intent is recorded; the write follows.'),
  Verifying: entry('Normal', 'none', 'The write was accepted; podmend is checking whether it helps.'),
  FlagCleared: entry(
    'Normal',
    'owner',
    'The problem that a node was flagged for is over; condition, label and taint are removed.',
  ),
  StaleRead: entry('Normal', 'none', 'The object changed before the write; nothing was written, retrying.'),
  Repaired: entry(
    'Normal',
    'both',
    'All containers have been running for the stabilization window; on a node, its problem is over.',
  ),
  DidNotHelp: entry('Warning', 'both', 'The remedy did not help before its timeout.'),
  OwnerGone: entry('Normal', 'owner', 'The workload no longer exists.'),
  ScaledToZero: entry('Normal', 'owner', 'The workload is scaled to zero.'),
  Recovered: entry('Normal', 'none', 'The workload or the node recovered by itself.'),
  NoPolicy: entry('Normal', 'none', 'No policy matches any more.'),
  WriteRefused: entry('Warning', 'both', 'The API server refused the write.'),
  Undone: entry('Normal', 'both', 'The remedy did not help and was undone.'),
  Denied: entry('Normal', 'both', 'A person denied the plan.'),
  Expired: entry('Warning', 'both', 'The plan was neither approved nor denied in time.'),
  Flagged: entry(
    'Warning',
    'none',
    'The node is flagged; a person, or a policy that installs the helper, has to do the rest.',
  ),
  Withdrawn: entry(
    'Normal',
    'owner',
    'A step that was started but not written is not planned any more, or is too old; it does not count, and the incident is decided again.',
  ),
  Superseded: entry('Normal', 'none', 'Another revision of the workload fails now and has its own record.'),
}

const sentence = (clause: string): string => `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`

const HOLDS = GUARDRAILS.map(
  ({ reason, event: [type, on], when }) => [reason, entry(type, on, sentence(when))] as const,
)

const DONE = Object.values(REMEDIES).map(
  ({ event: { reason, type, meaning } }) => [reason, entry(type, 'both', meaning)] as const,
)

/** All reasons: of guardrails, outcomes and remedies. */
export const REASONS: Readonly<Record<string, ReasonEntry>> = Object.fromEntries([
  ...HOLDS,
  ...Object.entries(OUTCOMES),
  ...DONE,
])

/** The entry of a reason. Default: a Warning on the workload. */
export const reasonEntry = (reason: string): ReasonEntry => REASONS[reason] ?? entry('Warning', 'owner', reason)

/**
 * One vocabulary of reasons for a record's status, its conditions, Events and metrics, with what becomes of each:
 * whether its Event warns, whether the policy gets the Event as well, and what it means (for the docs).
 */
import type { RemediationReason } from '../api/remediation.ts'
import type { HoldReason } from '../model/reasons.ts'

/** Reasons of what was done just now; beside those that a record stays with. */
export const ACT_REASONS = [
  'ImageRewritten',
  'PodRecycled',
  'NodeTaskCreated',
  'NodeFlagged',
  'FlagCleared',
  'HelperInstalling',
  'StaleRead',
] as const

export type Reason = RemediationReason | (typeof ACT_REASONS)[number]

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

const HOLDS: Readonly<Record<HoldReason, ReasonEntry>> = {
  OperatorPaused: entry('Normal', 'owner', "The annotation podmend.io/paused on the operator's namespace stops all."),
  OperatorBudgetSpent: entry('Warning', 'both', 'The operator has acted as often within the hour as it may.'),
  PolicySuspended: entry('Normal', 'owner', 'The policy is suspended.'),
  ObserveOnly: entry('Normal', 'owner', 'The policy only observes; the record shows what would be done.'),
  NamespaceProtected: entry('Normal', 'owner', 'The namespace is protected and the policy does not name it.'),
  OptedOut: entry('Normal', 'owner', 'The pod, its owner, its namespace or its node is marked podmend.io/exclude.'),
  NotFailingLongEnough: entry('Normal', 'owner', 'It has not been failing for as long as the policy asks.'),
  AlreadyRecovered: entry('Normal', 'none', 'Nothing fails any more.'),
  InFlight: entry(
    'Normal',
    'owner',
    'Another remedy for the same workload or node is under way, or the node is cordoned.',
  ),
  CoolingDown: entry('Normal', 'owner', 'The pause between two attempts has not passed.'),
  AttemptsSpent: entry('Warning', 'both', 'All attempts of the last 24 hours did not help; a person is needed.'),
  EditReverted: entry('Warning', 'both', 'Someone changed back what was written.'),
  ManagedElsewhere: entry('Normal', 'owner', 'Whatever manages the workload would write the change back.'),
  TemplateDiffers: entry('Normal', 'owner', 'The failing container does not stand like that in the template.'),
  RolloutBlocked: entry('Warning', 'owner', 'An edit would not roll out, or the remedy cannot help here.'),
  FactUnknown: entry('Warning', 'owner', 'Something that the decision needs cannot be seen.'),
  BudgetSpent: entry('Warning', 'both', 'The policy has acted as often as it may.'),
  TooManyUnhealthy: entry(
    'Warning',
    'both',
    'So many nodes are unhealthy at once that this one waits until another is back.',
  ),
  ControlPlaneNode: entry('Normal', 'owner', 'The node runs the control plane and the policy does not act there.'),
  TargetUnverified: entry('Warning', 'owner', 'The registry does not confirm the new image.'),
  AwaitingApproval: entry('Normal', 'both', 'The plan waits for a person.'),
}

const OUTCOMES: Readonly<Record<Exclude<Reason, HoldReason>, ReasonEntry>> = {
  Acting: entry('Normal', 'none', 'The intent is recorded; the write comes next.'),
  Verifying: entry('Normal', 'none', 'The write was accepted; whether it helped is being watched.'),
  ImageRewritten: entry('Normal', 'both', 'An image was rewritten in the workload.'),
  PodRecycled: entry('Normal', 'both', 'Pods were deleted so that they are made anew.'),
  NodeTaskCreated: entry('Normal', 'both', 'The agent of a node was ordered to do something there.'),
  NodeFlagged: entry('Warning', 'both', 'A node was flagged: its conditions say what it lacks, and what to type.'),
  FlagCleared: entry(
    'Normal',
    'owner',
    'What a node was flagged for is over; condition, label and taint were cleared.',
  ),
  HelperInstalling: entry(
    'Normal',
    'both',
    'A short-lived pod was created on a node that installs a mount helper there.',
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

export const REASONS: Readonly<Record<Reason, ReasonEntry>> = { ...HOLDS, ...OUTCOMES }

/** The entry of a reason that came as text; one that is not in the table warns on the workload. */
export const reasonEntry = (reason: string): ReasonEntry =>
  Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason] : entry('Warning', 'owner', reason)

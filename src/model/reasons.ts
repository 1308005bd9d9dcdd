/**
 * Guardrails by reason name, in the order in which they are checked. The first objection holds.
 * One vocabulary for conditions, Events and the metric label.
 */
export const HOLD_REASONS = [
  'OperatorPaused',
  'OperatorBudgetSpent',
  'PolicySuspended',
  'ObserveOnly',
  'NamespaceProtected',
  'OptedOut',
  'NotFailingLongEnough',
  'AlreadyRecovered',
  'InFlight',
  'EditReverted',
  'CoolingDown',
  'AttemptsSpent',
  'ManagedElsewhere',
  'TemplateDiffers',
  'RolloutBlocked',
  'FactUnknown',
  'BudgetSpent',
  'TooManyUnhealthy',
  'ControlPlaneNode',
  'TargetUnverified',
  'AwaitingApproval',
] as const

export type HoldReason = (typeof HOLD_REASONS)[number]

/** The phases of a Remediation. `Held` and `Observed` change nothing in the cluster. */
export const PHASES = [
  'Observed',
  'Held',
  'AwaitingApproval',
  'Running',
  'Verifying',
  'Succeeded',
  'Ineffective',
  'Failed',
  'Cancelled',
] as const

export type Phase = (typeof PHASES)[number]

/** What each phase of a Remediation means. */
export const PHASE_EXPLANATIONS: Readonly<Record<Phase, string>> = {
  Observed: 'the failure is diagnosed; the policy only observes, and the plan shows what it would do',
  Held: 'nothing is written for now: a guardrail objects, and its name is the reason; or the next step is about to be decided',
  AwaitingApproval: 'the plan waits for approval',
  Running: 'the remedy is being carried out',
  Verifying: 'the remedy is carried out; podmend is checking whether it helps',
  Succeeded: 'all containers of the current revision have been running for the stabilization window; final',
  Ineffective: 'the remedy did not help, and this attempt has no further one; final',
  Failed: 'the remedy could not be carried out, and this attempt has no further one; final',
  Cancelled: 'there is nothing left to repair, someone reverted the change, or the plan was denied; final',
}

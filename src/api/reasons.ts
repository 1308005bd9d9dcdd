/**
 * Guardrails by reason name, in the order in which they are asked. The first to object holds.
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
  'CoolingDown',
  'AttemptsSpent',
  'EditReverted',
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

/** The life of a Remediation. `Held` and `Observed` change nothing in the cluster. */
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

export const ACTION_TYPES = [
  'RewriteImage',
  'RecyclePod',
  'RecycleSandbox',
  'RestartRuntime',
  'FlagNode',
  'InstallMountHelper',
] as const

export type ActionType = (typeof ACTION_TYPES)[number]

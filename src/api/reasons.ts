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

/** When each guardrail holds: completes "holds when …". */
export const HOLD_EXPLANATIONS: Readonly<Record<HoldReason, string>> = {
  OperatorPaused: 'the operator\'s namespace carries the annotation `kubemend.io/paused: "true"`',
  OperatorBudgetSpent: 'all policies together have acted as often within an hour as the operator is allowed to',
  PolicySuspended: 'the policy has `suspend: true`',
  ObserveOnly: 'the policy has `mode: Observe`',
  NamespaceProtected: 'the namespace is protected and the policy does not name it in `match.namespaces`',
  OptedOut: 'pod, owner, namespace or node carries `kubemend.io/exclude: "true"`',
  NotFailingLongEnough: 'the pods have been failing for less than `match.failingFor`',
  AlreadyRecovered: 'nothing fails any more',
  InFlight: 'a remedy for the same owner is under way',
  CoolingDown: 'the last attempt at the incident is less than `limits.cooldown` ago',
  AttemptsSpent: 'the incident was attempted `limits.maxAttempts` times within 24 hours',
  EditReverted: 'someone changed our value back; the message says who',
  ManagedElsewhere: 'Argo CD, Flux or another operator would write the owner back, and `managedWorkloads` is `Hold`',
  TemplateDiffers: "the failing container is not in its owner's template, or stands there with another image",
  RolloutBlocked: 'an edit would not reach the pods: the rollout is paused, partitioned or `OnDelete`',
  FactUnknown: 'something that the decision needs could not be seen; the message says what and why',
  BudgetSpent: 'the policy has `limits.maxConcurrent` remedies under way or acted `limits.maxPerHour` times',
  TooManyUnhealthy: 'more nodes are unhealthy than `limits.maxUnhealthyNodes` allows',
  ControlPlaneNode: 'the pod is on a control-plane node and `controlPlaneNodes` is `Hold`',
  TargetUnverified: 'the registry did not confirm the new image, and `verify` demands it',
  AwaitingApproval: 'the policy has `mode: Approve` and nobody has decided on the plan',
}

/** What each phase of a Remediation means. */
export const PHASE_EXPLANATIONS: Readonly<Record<Phase, string>> = {
  Observed: 'the failure is understood; the policy only looks, and the plan says what it would do',
  Held: 'a guardrail objects; its name is the reason',
  AwaitingApproval: 'the plan waits for a person',
  Running: 'the remedy is being written',
  Verifying: 'the remedy is written; whether it helps is being watched',
  Succeeded: 'the containers of the current revision started and stayed so',
  Ineffective: 'the remedy did not help and no further one is left',
  Failed: 'the remedy could not be carried out',
  Cancelled: 'there is nothing left to repair, or a person said no',
}

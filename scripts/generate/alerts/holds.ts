/** Alerts about incidents that are held for too long. The guardrail chain says which reason belongs to which alert. */
import { GUARDRAILS } from '../../../src/decide/guardrails/chain.ts'
import type { HoldReason } from '../../../src/model/reasons.ts'
import { oneOf } from '../promql.ts'
import type { Alert, AlertCase } from './alert.ts'

const reasonsOf = (name: Alert['name']): readonly string[] =>
  GUARDRAILS.flatMap(({ reason, alert }) => (alert === name ? [reason] : []))

const heldFor = (name: Alert['name'], by = 'policy'): string =>
  `max by (${by}) (podmend_remediations_held{reason=~"${oneOf(reasonsOf(name))}"}) > 0`

/** Both replicas see every record, so both report the same value. */
const held = (reason: HoldReason, instance = 'a'): string =>
  `podmend_remediations_held{job="podmend",instance="${instance}:8080",policy="moved",reason="${reason}"}`

const deliberate = (at: string): readonly AlertCase[] => [
  {
    name: 'held on purpose',
    series: { [held('ObserveOnly')]: '3x200', [held('OptedOut')]: '2x200', [held('PolicySuspended')]: '1x200' },
    at,
    fires: [],
  },
]

export const HOLD_ALERTS: readonly Alert[] = [
  {
    name: 'PodmendAwaitingApproval',
    severity: 'warning',
    for: '15m',
    expr: heldFor('PodmendAwaitingApproval'),
    when: 'a plan has waited for approval for 15 minutes',
    summary: '{{ $value }} plan(s) of policy {{ $labels.policy }} need your approval',
    description:
      'Workloads are broken, a remedy is planned, and policy {{ $labels.policy }} requires approval. Read the diff on the Remediation, ' +
      'then approve or deny the plan. A plan that is not decided in time expires.',
    cases: [
      {
        name: 'no one decides',
        series: { [held('AwaitingApproval')]: '2x30', [held('AwaitingApproval', 'b')]: '2x30' },
        at: '20m',
        fires: [{ labels: { policy: 'moved' }, value: '2' }],
      },
      { name: 'approved within minutes', series: { [held('AwaitingApproval')]: '1x8 stale' }, at: '20m', fires: [] },
      ...deliberate('30m'),
    ],
  },
  {
    name: 'PodmendBudgetSpent',
    severity: 'warning',
    for: '15m',
    expr: heldFor('PodmendBudgetSpent', 'policy, reason'),
    when: 'incidents have waited for budget for 15 minutes',
    summary:
      '{{ $value }} incident(s) of policy {{ $labels.policy }} wait: the budget is used up ({{ $labels.reason }})',
    description:
      'podmend has reached its limit of remediations per hour or of concurrent remediations. Further workloads stay broken until ' +
      'budget is free again. Something breaks more often than expected: find the cause before you raise a limit.',
    cases: [
      {
        name: "the policy's budget is spent",
        series: { [held('BudgetSpent')]: '4x30' },
        at: '20m',
        fires: [{ labels: { policy: 'moved', reason: 'BudgetSpent' }, value: '4' }],
      },
      {
        name: "the operator's budget is spent",
        series: { [held('OperatorBudgetSpent')]: '1x30' },
        at: '20m',
        fires: [{ labels: { policy: 'moved', reason: 'OperatorBudgetSpent' }, value: '1' }],
      },
      {
        name: 'each incident waits for a moment',
        series: { [held('BudgetSpent')]: '6 4 2 stale' },
        at: '20m',
        fires: [],
      },
      ...deliberate('30m'),
    ],
  },
  {
    name: 'PodmendPaused',
    severity: 'warning',
    for: '1h',
    expr: 'max(podmend_remediations_held{reason="OperatorPaused"}) > 0',
    when: 'the operator is paused and an incident has waited for an hour',
    summary: 'podmend is paused while {{ $value }} workload(s) of a policy are broken',
    description:
      'The annotation podmend.io/paused on its namespace pauses the whole operator, and an incident has waited for an hour. ' +
      'If the reason for the pause is gone, remove the annotation.',
    cases: [
      {
        name: 'it was forgotten',
        series: { [held('OperatorPaused')]: '3x90' },
        at: '75m',
        fires: [{ labels: {}, value: '3' }],
      },
      { name: 'paused for a while', series: { [held('OperatorPaused')]: '3x40 stale' }, at: '75m', fires: [] },
    ],
  },
  {
    name: 'PodmendHeldTooLong',
    severity: 'warning',
    for: '30m',
    expr: heldFor('PodmendHeldTooLong', 'policy, reason'),
    when: 'a guardrail that does not clear by itself has held for 30 minutes',
    summary: '{{ $value }} broken workload(s) of policy {{ $labels.policy }} are held: {{ $labels.reason }}',
    description:
      'podmend knows a remedy but does not apply it: the guardrail {{ $labels.reason }} has held it for 30 minutes. ' +
      'The pods are still broken. The message of the Remediation says what blocks it.',
    cases: [
      {
        name: 'Argo CD would revert the change',
        series: { [held('ManagedElsewhere')]: '1x60' },
        at: '45m',
        fires: [{ labels: { policy: 'moved', reason: 'ManagedElsewhere' }, value: '1' }],
      },
      {
        name: 'the registry stays down',
        series: { [held('TargetUnverified')]: '5x60', [held('TargetUnverified', 'b')]: '5x60' },
        at: '45m',
        fires: [{ labels: { policy: 'moved', reason: 'TargetUnverified' }, value: '5' }],
      },
      { name: 'the registry recovers', series: { [held('TargetUnverified')]: '5x20 stale' }, at: '45m', fires: [] },
      {
        name: 'it clears by itself',
        series: { [held('NotFailingLongEnough')]: '1x60', [held('CoolingDown')]: '1x60' },
        at: '45m',
        fires: [],
      },
      ...deliberate('45m'),
    ],
  },
]

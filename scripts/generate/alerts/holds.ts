/** Alerts about what is held for longer than it should be: the chain of guardrails says which reason leads to which. */
import { GUARDRAILS } from '../../../src/decide/guardrails/chain.ts'
import type { HoldReason } from '../../../src/model/reasons.ts'
import { oneOf } from '../promql.ts'
import type { Alert, AlertCase } from './alert.ts'

const reasonsOf = (name: Alert['name']): readonly string[] =>
  GUARDRAILS.flatMap(({ reason, alert }) => (alert === name ? [reason] : []))

const heldFor = (name: Alert['name'], by = 'policy'): string =>
  `max by (${by}) (podmend_remediations_held{reason=~"${oneOf(reasonsOf(name))}"}) > 0`

/** Both replicas see every record, so both tell the same. */
const held = (reason: HoldReason, instance = 'a'): string =>
  `podmend_remediations_held{job="podmend",instance="${instance}:8080",policy="moved",reason="${reason}"}`

const deliberate = (at: string): readonly AlertCase[] => [
  {
    name: 'somebody wants it so',
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
    when: 'a plan has waited for a person for a quarter of an hour',
    summary: '{{ $value }} plan(s) of policy {{ $labels.policy }} wait for your yes or no',
    description:
      'Workloads are broken, the remedy is planned, and policy {{ $labels.policy }} asks a person first. Read the diff on the record, ' +
      'then approve or deny it. A plan that nobody decides on expires.',
    cases: [
      {
        name: 'nobody decides',
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
    when: 'incidents have waited for budget for a quarter of an hour',
    summary:
      '{{ $value }} incident(s) of policy {{ $labels.policy }} wait because the budget is spent ({{ $labels.reason }})',
    description:
      'podmend has done as much as it may, within the hour or at the same time, and further workloads stay broken until the budget ' +
      'frees. Something breaks more often than was foreseen: find out what before you raise a limit.',
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
        name: 'each waits its turn for a moment',
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
    when: 'the operator is paused and something has waited for it for an hour',
    summary: 'podmend is paused, and {{ $value }} broken workload(s) of a policy wait for it',
    description:
      'Somebody stopped the whole operator by the annotation podmend.io/paused on its namespace, and for an hour there has been ' +
      'something to repair. If the reason for the stop is gone, remove the annotation.',
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
    when: 'a guardrail that does not pass by itself has held for half an hour',
    summary: '{{ $value }} broken workload(s) of policy {{ $labels.policy }} are held: {{ $labels.reason }}',
    description:
      'podmend knows a remedy and does not carry it out, because the guardrail {{ $labels.reason }} objects, and has objected for half an ' +
      'hour. The pods are still broken. The message on the record says what is in the way.',
    cases: [
      {
        name: 'Argo CD would write it back',
        series: { [held('ManagedElsewhere')]: '1x60' },
        at: '45m',
        fires: [{ labels: { policy: 'moved', reason: 'ManagedElsewhere' }, value: '1' }],
      },
      {
        name: 'the registry is down for long',
        series: { [held('TargetUnverified')]: '5x60', [held('TargetUnverified', 'b')]: '5x60' },
        at: '45m',
        fires: [{ labels: { policy: 'moved', reason: 'TargetUnverified' }, value: '5' }],
      },
      { name: 'the registry comes back', series: { [held('TargetUnverified')]: '5x20 stale' }, at: '45m', fires: [] },
      {
        name: 'it ends by itself',
        series: { [held('NotFailingLongEnough')]: '1x60', [held('CoolingDown')]: '1x60' },
        at: '45m',
        fires: [],
      },
      ...deliberate('45m'),
    ],
  },
]

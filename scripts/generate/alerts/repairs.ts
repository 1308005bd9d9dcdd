/** Alerts about remedies: one did not help, failed, was reverted by a user, or all attempts are used up. */
import { gained } from '../promql.ts'
import type { Alert } from './alert.ts'

const ended = (result: string): string =>
  `podmend_remediations_total{job="podmend",instance="a:8080",policy="moved",action="RewriteImage",result="${result}"}`
const began = (reason: string): string =>
  `podmend_held_total{job="podmend",instance="a:8080",policy="moved",reason="${reason}"}`
/** Both replicas see every record, so both report the same value. */
const held = (reason: string, instance = 'a'): string =>
  `podmend_remediations_held{job="podmend",instance="${instance}:8080",policy="moved",reason="${reason}"}`

const byPolicy = { labels: { policy: 'moved' } }
const byAction = { labels: { policy: 'moved', action: 'RewriteImage' } }

const endedAs = (result: string): string =>
  `sum by (policy, action) ${gained(`podmend_remediations_total{result="${result}"}`, '1h')} > 0`

export const REPAIR_ALERTS: readonly Alert[] = [
  {
    name: 'PodmendRemediationIneffective',
    severity: 'warning',
    for: '0m',
    expr: endedAs('Ineffective'),
    when: 'a remedy was applied within the last hour and did not help',
    summary: '{{ $labels.action }} of policy {{ $labels.policy }} did not help',
    description:
      'A remedy was applied and the pods still fail. podmend cools down, retries as often as the policy allows, then stops. ' +
      'The real cause is probably not the one that was found.',
    cases: [
      {
        name: 'the first one for a policy',
        series: { [ended('Ineffective')]: '_x9 1x20' },
        at: '15m',
        fires: [byAction],
      },
      {
        name: 'one more for a policy that had some',
        series: { [ended('Ineffective')]: '3x90 4x60' },
        at: '95m',
        fires: [byAction],
      },
      { name: 'all of them long ago', series: { [ended('Ineffective')]: '_x9 1x120' }, at: '120m', fires: [] },
      { name: 'a success', series: { [ended('Succeeded')]: '_x9 1x20' }, at: '15m', fires: [] },
    ],
  },
  {
    name: 'PodmendRemediationFailed',
    severity: 'warning',
    for: '0m',
    expr: endedAs('Failed'),
    when: 'a remedy could not be applied within the last hour',
    summary: '{{ $labels.action }} of policy {{ $labels.policy }} could not be applied',
    description:
      'The API server refused the write. Nothing was changed and the workload is still broken. Usually a permission is missing, ' +
      'which the Remediation names, or an admission webhook denied the request.',
    cases: [
      {
        name: 'a permission is missing',
        series: { [ended('Failed')]: '_x4 1 2 3 3x20' },
        at: '10m',
        fires: [byAction],
      },
      {
        name: 'the permission was granted long ago',
        series: { [ended('Failed')]: '_x4 1 2 3 3x120' },
        at: '120m',
        fires: [],
      },
      { name: 'it did not help', series: { [ended('Ineffective')]: '_x4 1x20' }, at: '10m', fires: [] },
    ],
  },
  {
    name: 'PodmendApprovalExpired',
    severity: 'warning',
    for: '0m',
    expr: endedAs('Expired'),
    when: 'the approval of a plan expired within the last hour',
    summary: 'approval of a plan of policy {{ $labels.policy }} expired, and the workload is still broken',
    description:
      'A plan of policy {{ $labels.policy }} ({{ $labels.action }}) was not approved or denied in time and has expired. podmend does not ask ' +
      'again about this plan. The workload stays broken: repair it, or delete the Remediation to request approval again.',
    cases: [
      { name: 'no one decided', series: { [ended('Expired')]: '_x9 1x20' }, at: '15m', fires: [byAction] },
      { name: 'a person denied it', series: { [ended('Denied')]: '_x9 1x20' }, at: '15m', fires: [] },
    ],
  },
  {
    name: 'PodmendGaveUp',
    severity: 'warning',
    for: '0m',
    expr:
      `(max by (policy) (podmend_remediations_held{reason="AttemptsSpent"}) > 0) or ` +
      `(sum by (policy) ${gained('podmend_held_total{reason="AttemptsSpent"}', '1h')} > 0)`,
    when: 'no attempt at an incident within 24 hours had a lasting effect',
    summary: 'podmend has used all attempts at an incident of policy {{ $labels.policy }}; repair it by hand',
    description:
      'podmend has made every attempt that policy {{ $labels.policy }} allows within 24 hours, and the workload is still broken, or broken ' +
      'again. podmend does not touch it any more. It needs you.',
    cases: [
      {
        name: 'it gave up just now',
        series: { [began('AttemptsSpent')]: '_x9 1x20' },
        at: '12m',
        fires: [byPolicy],
      },
      {
        name: 'it is still broken hours later',
        series: { [began('AttemptsSpent')]: '_x9 1x200', [held('AttemptsSpent')]: '_x9 1x200' },
        at: '180m',
        fires: [byPolicy],
      },
      { name: 'it cools down between attempts', series: { [held('CoolingDown')]: '1x20' }, at: '12m', fires: [] },
    ],
  },
  {
    name: 'PodmendEditReverted',
    severity: 'warning',
    for: '5m',
    expr: 'max by (policy) (podmend_remediations_held{reason="EditReverted"}) > 0',
    when: 'a repair was reverted and the pods fail again',
    summary: 'a repair of policy {{ $labels.policy }} was reverted, and the workload is broken again',
    description:
      'A user or a program restored the old value in a workload that podmend had repaired. podmend does not repeat the change. ' +
      'The Remediation says who reverted it.',
    cases: [
      { name: 'reverted', series: { [held('EditReverted')]: '1x20' }, at: '8m', fires: [byPolicy] },
      {
        name: 'reverted, and repaired by that user a little later',
        series: { [held('EditReverted')]: '_ 1x3 stale' },
        at: '12m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendBreakerOpen',
    severity: 'critical',
    for: '0m',
    expr: 'max(podmend_breaker_state) == 2 or max(podmend_remediations_held{reason="TooManyUnhealthy"}) > 0',
    when: 'more nodes are unhealthy than a policy allows, so that others wait for one repair',
    summary: 'so many nodes are unhealthy that podmend repairs them one at a time',
    description:
      'More nodes are unhealthy than a policy allows (maxUnhealthyNodes): one is repaired at a time, the others wait. The cause is ' +
      'rarely in one node: look for what all failures have in common.',
    cases: [
      {
        name: 'the breaker opens',
        series: { 'podmend_breaker_state{job="podmend",instance="a:8080"}': '0 0 2x10' },
        at: '3m',
        fires: [{ labels: {} }],
      },
      {
        name: 'a remedy on a node is held because of the storm',
        series: { [held('TooManyUnhealthy')]: '1x10' },
        at: '3m',
        fires: [{ labels: {} }],
      },
      {
        name: 'the breaker is half open: one repair may begin',
        series: { 'podmend_breaker_state{job="podmend",instance="a:8080"}': '2 2 1x10' },
        at: '5m',
        fires: [],
      },
    ],
  },
]

/** Alerts about remedies: one did not help, could not be carried out, was taken back by somebody, or none is left. */
import { gained } from '../promql.ts'
import type { Alert } from './alert.ts'

const ended = (result: string): string =>
  `podmend_remediations_total{job="podmend",instance="a:8080",policy="moved",action="RewriteImage",result="${result}"}`
const began = (reason: string): string =>
  `podmend_held_total{job="podmend",instance="a:8080",policy="moved",reason="${reason}"}`
/** Both replicas see every record, so both tell the same. */
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
    when: 'within the last hour a remedy was carried out and did not help',
    summary: '{{ $labels.action }} of policy {{ $labels.policy }} did not help',
    description:
      'A remedy was carried out and the pods still fail. podmend pauses, tries again as often as the policy allows, then stops by ' +
      'itself. Whatever the cause is, it is probably another one than was found.',
    cases: [
      {
        name: 'the first one of a policy',
        series: { [ended('Ineffective')]: '_x9 1x20' },
        at: '15m',
        fires: [byAction],
      },
      {
        name: 'one more of a policy that had some',
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
    when: 'within the last hour a remedy could not be carried out',
    summary: '{{ $labels.action }} of policy {{ $labels.policy }} could not be carried out',
    description:
      'The API server refused the write. Nothing was changed and the workload is still broken. Most often a right is missing, which ' +
      'the record names, or an admission webhook says no.',
    cases: [
      { name: 'a right is missing', series: { [ended('Failed')]: '_x4 1 2 3 3x20' }, at: '10m', fires: [byAction] },
      { name: 'the right was given long ago', series: { [ended('Failed')]: '_x4 1 2 3 3x120' }, at: '120m', fires: [] },
      { name: 'it did not help', series: { [ended('Ineffective')]: '_x4 1x20' }, at: '10m', fires: [] },
    ],
  },
  {
    name: 'PodmendApprovalExpired',
    severity: 'warning',
    for: '0m',
    expr: endedAs('Expired'),
    when: 'within the last hour a plan expired because nobody decided on it',
    summary: 'nobody decided on a plan of policy {{ $labels.policy }} in time, and the workload is still broken',
    description:
      'A plan of policy {{ $labels.policy }} ({{ $labels.action }}) waited for a yes or no for as long as the policy allows, and was given up. ' +
      'Nobody is asked about this plan again. The workload stays broken until somebody repairs it, or has podmend ask anew.',
    cases: [
      { name: 'nobody decided', series: { [ended('Expired')]: '_x9 1x20' }, at: '15m', fires: [byAction] },
      { name: 'a person said no', series: { [ended('Denied')]: '_x9 1x20' }, at: '15m', fires: [] },
    ],
  },
  {
    name: 'PodmendGaveUp',
    severity: 'warning',
    for: '0m',
    expr:
      `(max by (policy) (podmend_remediations_held{reason="AttemptsSpent"}) > 0) or ` +
      `(sum by (policy) ${gained('podmend_held_total{reason="AttemptsSpent"}', '1h')} > 0)`,
    when: 'all attempts at an incident within 24 hours did not last',
    summary: 'podmend has spent its attempts on an incident of policy {{ $labels.policy }}; a person must look',
    description:
      'Every attempt that policy {{ $labels.policy }} allows within 24 hours was made, and the workload is broken again or still. ' +
      'podmend leaves it alone from now on. It waits for you.',
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
      { name: 'it pauses between attempts', series: { [held('CoolingDown')]: '1x20' }, at: '12m', fires: [] },
    ],
  },
  {
    name: 'PodmendEditReverted',
    severity: 'warning',
    for: '5m',
    expr: 'max by (policy) (podmend_remediations_held{reason="EditReverted"}) > 0',
    when: 'somebody changed a repair back and the pods fail again',
    summary: 'a repair of policy {{ $labels.policy }} was changed back, and the workload is broken again',
    description:
      'A person or a program wrote the old value back into a workload that podmend had repaired. podmend does not fight: it leaves ' +
      'the workload as it is. The record says who it was.',
    cases: [
      { name: 'changed back', series: { [held('EditReverted')]: '1x20' }, at: '8m', fires: [byPolicy] },
      {
        name: 'changed back and repaired by that person a little later',
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
    when: 'so much is broken at once that the storm breaker holds single repairs',
    summary: 'so much is broken at once that podmend has stopped repairing one by one',
    description:
      'More is unhealthy than single repairs should touch, so podmend holds until it is less. This is a fault of the cluster, its ' +
      'network or a registry, not of one workload: look for what all the failures have in common.',
    cases: [
      {
        name: 'the breaker opens',
        series: { 'podmend_breaker_state{job="podmend",instance="a:8080"}': '0 0 2x10' },
        at: '3m',
        fires: [{ labels: {} }],
      },
      {
        name: 'a node is left alone for the storm',
        series: { [held('TooManyUnhealthy')]: '1x10' },
        at: '3m',
        fires: [{ labels: {} }],
      },
      {
        name: 'it is half open: one repair is tried',
        series: { 'podmend_breaker_state{job="podmend",instance="a:8080"}': '2 2 1x10' },
        at: '5m',
        fires: [],
      },
    ],
  },
]

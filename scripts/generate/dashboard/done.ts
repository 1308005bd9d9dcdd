import { gained } from '../promql.ts'
import { buckets, overTime, type Panel, rowsOf } from './panels.ts'
import { metric, policyMetric } from './queries.ts'

/** Long enough for two scrapes at the usual 30 s. */
const STEP = '2m'

const bucketsWithin = (window: string, by: string): string =>
  `sum by (${by}) (${gained(metric('podmend_remediation_duration_seconds_bucket'), window)})`

const quantile = (q: number): string => `histogram_quantile(${q}, ${bucketsWithin('1h', 'le, action')})`

export const DONE: readonly Panel[] = [
  overTime({
    title: 'Finished remedies by action and result',
    description:
      'Succeeded: verified. Ineffective: applied, but the pods still fail. Failed: the API server refused the write. Denied, Expired: approval was denied, or not given in time. Cancelled: nothing was left to repair.',
    queries: [
      {
        expr: `sum by (action, result) (${gained(policyMetric('podmend_remediations_total'), '$__interval')})`,
        legend: '{{action}} {{result}}',
      },
    ],
    draw: 'bars',
    stacked: true,
    interval: STEP,
    width: 12,
    height: 8,
    alerts: ['PodmendRemediationIneffective', 'PodmendRemediationFailed'],
  }),
  rowsOf({
    title: 'By policy in this time range',
    description: 'How often each policy acted in the selected time range, and with which result.',
    queries: [
      {
        expr: `sum by (policy, action, result) (${gained(policyMetric('podmend_remediations_total'), '$__range')})`,
      },
    ],
    columns: { policy: 'Policy', action: 'Action', result: 'Result', Value: 'Count' },
    width: 12,
    height: 8,
  }),
  overTime({
    title: 'Time from the first failure to the verified repair',
    description:
      'Median and 90th percentile over the hour before each point. Includes the time that a policy waits on purpose (failingFor), the wait for approval, and the verification.',
    queries: [
      { expr: quantile(0.5), legend: '{{action}} median' },
      { expr: quantile(0.9), legend: '{{action}} 90th percentile' },
    ],
    unit: 's',
    width: 12,
    height: 8,
  }),
  buckets({
    title: 'Distribution of repair times',
    description: 'The same times as a heatmap: the darker a cell, the more repairs took that long.',
    queries: [{ expr: bucketsWithin('$__interval', 'le'), legend: '{{le}}' }],
    unit: 's',
    interval: STEP,
    width: 12,
    height: 8,
  }),
]

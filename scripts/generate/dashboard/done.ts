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
    title: 'Remedies that ended, by action and result',
    description:
      'Succeeded: proven. Ineffective: carried out, and the pods still fail. Failed: the API server refused it. Denied, Expired: a person was asked and said no, or nothing. Cancelled: nothing was left to repair.',
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
    title: 'By policy, in this time',
    description: 'How often each policy acted within the shown time, and how that ended.',
    queries: [
      {
        expr: `sum by (policy, action, result) (${gained(policyMetric('podmend_remediations_total'), '$__range')})`,
      },
    ],
    columns: { policy: 'Policy', action: 'Action', result: 'Result', Value: 'Times' },
    width: 12,
    height: 8,
  }),
  overTime({
    title: 'From the first sight of a failure until it was proven repaired',
    description:
      'Median and nine in ten, of the hour before each point. It contains the time that a policy waits on purpose (failingFor), the wait for an approval, and the proof.',
    queries: [
      { expr: quantile(0.5), legend: '{{action}} median' },
      { expr: quantile(0.9), legend: '{{action}} 9 in 10' },
    ],
    unit: 's',
    width: 12,
    height: 8,
  }),
  buckets({
    title: 'How long repairs took',
    description: 'The same times as single repairs: the darker, the more of them took so long.',
    queries: [{ expr: bucketsWithin('$__interval', 'le'), legend: '{{le}}' }],
    unit: 's',
    interval: STEP,
    width: 12,
    height: 8,
  }),
]

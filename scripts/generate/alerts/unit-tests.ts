import { stringify } from 'yaml'
import { runbookUrl } from '../alerts.ts'
import { type Alert, type AlertCase, rendered } from './alert.ts'

const testOf = (alert: Alert, { name, series, at, fires }: AlertCase): object => ({
  name: `${alert.name}: ${name}`,
  interval: '1m',
  input_series: Object.entries(series).map(([of, values]) => ({ series: of, values })),
  alert_rule_test: [
    {
      eval_time: at,
      alertname: alert.name,
      exp_alerts: fires.map((firing) => ({
        exp_labels: { severity: alert.severity, ...firing.labels },
        exp_annotations: {
          summary: rendered(alert.summary, firing),
          description: rendered(alert.description, firing),
          runbook_url: runbookUrl(alert),
        },
      })),
    },
  ],
})

/** The file for `promtool test rules`, beside rules in `rules.yaml`. */
export const alertUnitTests = (alerts: readonly Alert[]): string =>
  stringify(
    {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: alerts.flatMap((alert) => alert.cases.map((each) => testOf(alert, each))),
    },
    { lineWidth: 0 },
  )

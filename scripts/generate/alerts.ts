import { stringify } from 'yaml'
import type { Alert } from './alerts/alert.ts'
import { ALERT_GROUPS } from './alerts/table.ts'
import { type Generator, HEADER } from './generator.ts'

/** Where to read the runbooks; the chart replaces it with its value `runbooksUrl`. */
export const RUNBOOKS_URL = 'docs/runbooks'

export const runbookUrl = ({ name }: Pick<Alert, 'name'>): string => `${RUNBOOKS_URL}/${name}.md`

const ruleOf = (alert: Alert): object => ({
  alert: alert.name,
  expr: alert.expr,
  ...(alert.for !== '0m' && { for: alert.for }),
  labels: { severity: alert.severity },
  annotations: { summary: alert.summary, description: alert.description, runbook_url: runbookUrl(alert) },
})

/** The rules as a file of Prometheus, which is also the `spec` of a PrometheusRule. */
export const alertRules = (): string =>
  stringify(
    { groups: Object.entries(ALERT_GROUPS).map(([name, alerts]) => ({ name, rules: alerts.map(ruleOf) })) },
    { lineWidth: 0 },
  )

/** `charts/podmend/files/alerts.yaml`. The chart includes it unrendered: the braces are Prometheus', not Helm's. */
export const alerts: Generator = {
  name: 'alerts',
  outputs: () => Promise.resolve([{ path: 'charts/podmend/files/alerts.yaml', text: `# ${HEADER}\n${alertRules()}` }]),
}

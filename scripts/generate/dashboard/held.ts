import { gained } from '../promql.ts'
import { bigNumber, overTime, type Panel, ranking, rowsOf } from './panels.ts'
import { metric, once, policyMetric } from './queries.ts'

const HELD_NOW = once(policyMetric('podmend_remediations_held'), ['policy', 'reason'])

export const HELD: readonly Panel[] = [
  overTime({
    title: 'Held now by reason',
    description:
      'Each reason is the name of a guardrail; docs/guardrails.md says when each holds. ObserveOnly, OptedOut, NamespaceProtected and PolicySuspended are set on purpose.',
    queries: [{ expr: `sum by (reason) (${HELD_NOW})`, legend: '{{reason}}' }],
    stacked: true,
    width: 12,
    height: 8,
    alerts: ['PodmendHeldTooLong', 'PodmendBudgetSpent', 'PodmendPaused', 'PodmendAwaitingApproval'],
  }),
  rowsOf({
    title: 'Held now by policy',
    description: 'To list the records, run kubectl get remediations -A',
    queries: [{ expr: HELD_NOW }],
    columns: { policy: 'Policy', reason: 'Reason', Value: 'Now' },
    width: 12,
    height: 8,
  }),
  ranking({
    title: 'Holds by guardrail in this time range',
    description:
      'How often each guardrail started to hold. Many short holds are normal. If a guardrail holds often and for long, find out why.',
    queries: [
      {
        expr: `sum by (reason) (${gained(policyMetric('podmend_held_total'), '$__range')})`,
        legend: '{{reason}}',
      },
    ],
    width: 18,
    height: 8,
  }),
  bigNumber({
    title: 'Storm breaker',
    description:
      'Half open: more nodes are unhealthy than a policy allows; one repair may begin. Open: one is under repair, the others wait.',
    queries: [{ expr: `max(${metric('podmend_breaker_state')})` }],
    names: { '0': ['closed', 'green'], '1': ['half open', 'orange'], '2': ['open', 'red'] },
    steps: ['green', [1, 'orange'], [2, 'red']],
    width: 6,
    height: 8,
    alerts: ['PodmendBreakerOpen'],
  }),
]

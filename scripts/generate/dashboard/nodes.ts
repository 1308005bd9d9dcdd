import { ACTION_TYPES } from '../../../src/api/policy/actions.ts'
import { remedyOf } from '../../../src/remedies/list.ts'
import { gained } from '../promql.ts'
import { overTime, type Panel } from './panels.ts'
import { among, metric, once, policyMetric } from './queries.ts'

const ON_NODES = ACTION_TYPES.filter((type) => remedyOf(type).onNode !== 'Nothing')

export const NODES: readonly Panel[] = [
  overTime({
    title: 'Flagged nodes by cause',
    description:
      'Nodes that need manual work: the node condition of that name says what to do. Empty if no node is flagged.',
    queries: [{ expr: once(metric('podmend_nodes_flagged'), ['cause']), legend: '{{cause}}' }],
    width: 8,
    height: 7,
    alerts: ['PodmendNodeFlagged'],
  }),
  overTime({
    title: 'Finished node tasks',
    description: 'By verb and result. NoAnswer: the agent did not answer. Empty if no node agent is installed.',
    queries: [
      {
        expr: `sum by (verb, result) (${gained(metric('podmend_agent_tasks_total'), '$__interval')})`,
        legend: '{{verb}} {{result}}',
      },
    ],
    draw: 'bars',
    stacked: true,
    interval: '2m',
    width: 8,
    height: 7,
    alerts: ['PodmendAgentTasksFailing', 'PodmendAgentSilent'],
  }),
  overTime({
    title: 'Finished remedies on nodes',
    description: 'Recycled sandboxes, restarted runtimes, flagged nodes and installed mount helpers, by result.',
    queries: [
      {
        expr: `sum by (action, result) (${gained(policyMetric('podmend_remediations_total', among('action', ON_NODES)), '$__interval')})`,
        legend: '{{action}} {{result}}',
      },
    ],
    draw: 'bars',
    stacked: true,
    interval: '2m',
    width: 8,
    height: 7,
  }),
]

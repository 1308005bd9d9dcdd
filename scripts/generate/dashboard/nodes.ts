import { ACTION_TYPES } from '../../../src/api/policy/actions.ts'
import { remedyOf } from '../../../src/remedies/list.ts'
import { gained } from '../promql.ts'
import { overTime, type Panel } from './panels.ts'
import { among, metric, once, policyMetric } from './queries.ts'

const ON_NODES = ACTION_TYPES.filter((type) => remedyOf(type).onNode !== 'Nothing')

export const NODES: readonly Panel[] = [
  overTime({
    title: 'Flagged nodes, by cause',
    description:
      'Nodes on which a person has something to do: the condition of that name on the node says what. Empty where none is flagged.',
    queries: [{ expr: once(metric('podmend_nodes_flagged'), ['cause']), legend: '{{cause}}' }],
    width: 8,
    height: 7,
    alerts: ['PodmendNodeFlagged'],
  }),
  overTime({
    title: 'Orders to node agents',
    description:
      'Orders that ended, by verb and result; NoAnswer: nobody answered. Empty where no node agent is installed.',
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
    title: 'Remedies on nodes that ended',
    description: 'Sandboxes recycled, runtimes restarted, nodes flagged, mount helpers installed, and how that ended.',
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

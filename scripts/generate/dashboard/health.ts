import { overTime, type Panel, rowsOf, states } from './panels.ts'
import { commonMetric, metric } from './queries.ts'

const rate = (series: string): string => `rate(${series}[$__rate_interval])`

const p99 = (name: 'queue' | 'work'): string =>
  `histogram_quantile(0.99, sum by (le, name) ${commonMetric(`workqueue_${name}_duration_seconds_bucket`, rate)})`

const third = { width: 8, height: 7 }

export const HEALTH: readonly Panel[] = [
  states({
    title: 'Who leads',
    description:
      'One replica leads and acts, the others stand by. Frequent changes mean a slow API server or too little CPU.',
    queries: [{ expr: `max by (instance) (${metric('podmend_leader')})`, legend: '{{instance}}' }],
    names: { '0': ['stands by', 'text'], '1': ['leads', 'green'] },
    steps: ['text', [1, 'green']],
    alerts: ['PodmendNoLeader', 'PodmendDown'],
    ...third,
  }),
  overTime({
    title: 'Since each watch heard of the API server',
    description:
      'Rises to a minute or two in a quiet cluster, until the watch is questioned, then falls to zero. More than four minutes is deaf.',
    queries: [
      {
        expr: `time() - min by (resource) (${metric('podmend_watch_last_activity_timestamp_seconds')})`,
        legend: '{{resource}}',
      },
    ],
    unit: 's',
    alerts: ['PodmendWatchQuiet'],
    ...third,
  }),
  overTime({
    title: 'Due and waiting',
    description:
      'Pods to look at and incidents to work on that are due and have no free place yet. Near zero but in storms.',
    queries: [{ expr: `max by (name) ${commonMetric('workqueue_depth')}`, legend: '{{name}}' }],
    alerts: ['PodmendQueueBackingUp'],
    ...third,
  }),
  overTime({
    title: 'Wait for a place, and time of a run (99 in 100)',
    description:
      'How long keys wait once they are due, and how long their runs take: mostly requests to the API server and to registries.',
    queries: [
      { expr: p99('queue'), legend: '{{name}} wait' },
      { expr: p99('work'), legend: '{{name}} run' },
    ],
    unit: 's',
    alerts: ['PodmendRunStuck'],
    ...third,
  }),
  overTime({
    title: 'Runs tried again after an error',
    description:
      'Per second. Now and then is normal: somebody else was quicker. All the time means that something is refused or out of reach.',
    queries: [{ expr: `sum by (name) ${commonMetric('workqueue_retries_total', rate)}`, legend: '{{name}}' }],
    unit: 'cps',
    alerts: ['PodmendRunsFailing'],
    ...third,
  }),
  overTime({
    title: 'Longest run under way',
    description: 'How long the run that has lasted longest has been at it.',
    queries: [
      {
        expr: `max by (name) ${commonMetric('workqueue_longest_running_processor_seconds')}`,
        legend: '{{name}}',
      },
    ],
    unit: 's',
    alerts: ['PodmendRunStuck'],
    ...third,
  }),
  overTime({
    title: 'Memory',
    description: 'Resident memory by replica. It grows with what is broken, not with the cluster.',
    queries: [{ expr: `max by (instance) ${commonMetric('process_resident_memory_bytes')}`, legend: '{{instance}}' }],
    unit: 'bytes',
    ...third,
  }),
  overTime({
    title: 'CPU',
    description: 'Cores used, by replica.',
    queries: [{ expr: `sum by (instance) ${commonMetric('process_cpu_seconds_total', rate)}`, legend: '{{instance}}' }],
    unit: 'short',
    ...third,
  }),
  overTime({
    title: 'Event loop lag (99 in 100)',
    description: 'How long the process stands still. A leader that is blocked for ten seconds loses its lease.',
    queries: [
      { expr: `max by (instance) ${commonMetric('nodejs_eventloop_lag_p99_seconds')}`, legend: '{{instance}}' },
    ],
    unit: 's',
    alerts: ['PodmendEventLoopBlocked'],
    ...third,
  }),
  rowsOf({
    title: 'Versions',
    description: 'Which build each replica runs; more than one only during an upgrade.',
    queries: [{ expr: metric('podmend_build_info') }],
    columns: { instance: 'Replica', node_version: 'Node', version: 'Version' },
    width: 24,
    height: 5,
  }),
]

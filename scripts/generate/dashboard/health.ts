import { overTime, type Panel, rowsOf, states } from './panels.ts'
import { commonMetric, metric } from './queries.ts'

const rate = (series: string): string => `rate(${series}[$__rate_interval])`

const p99 = (name: 'queue' | 'work'): string =>
  `histogram_quantile(0.99, sum by (le, name) ${commonMetric(`workqueue_${name}_duration_seconds_bucket`, rate)})`

const third = { width: 8, height: 7 }

export const HEALTH: readonly Panel[] = [
  states({
    title: 'Leader',
    description:
      'One replica is the leader and acts, the others stand by. Frequent changes indicate a slow API server or too little CPU.',
    queries: [{ expr: `max by (instance) (${metric('podmend_leader')})`, legend: '{{instance}}' }],
    names: { '0': ['standby', 'text'], '1': ['leader', 'green'] },
    steps: ['text', [1, 'green']],
    alerts: ['PodmendNoLeader', 'PodmendDown'],
    ...third,
  }),
  overTime({
    title: 'Time since each watch last received data',
    description:
      'In a quiet cluster it rises to a minute or two, until a list request checks the watch, then falls to zero. Above four minutes the watch is broken.',
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
    title: 'Work queue depth',
    description: 'Keys (pods, incidents) that are due and wait for a free worker. Near zero, except in storms.',
    queries: [{ expr: `max by (name) ${commonMetric('workqueue_depth')}`, legend: '{{name}}' }],
    alerts: ['PodmendQueueBackingUp'],
    ...third,
  }),
  overTime({
    title: 'Queue wait and run duration (99th percentile)',
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
    title: 'Retries after an error',
    description:
      'Per second. Now and then is normal: another program changed the object first. A constant rate means that a request is refused or times out.',
    queries: [{ expr: `sum by (name) ${commonMetric('workqueue_retries_total', rate)}`, legend: '{{name}}' }],
    unit: 'cps',
    alerts: ['PodmendRunsFailing'],
    ...third,
  }),
  overTime({
    title: 'Longest run in progress',
    description: 'Age of the oldest run that has not ended.',
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
    description: 'Resident memory by replica. It grows with the number of failing pods, not with the cluster.',
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
    title: 'Event loop lag (99th percentile)',
    description: 'How long the process is blocked. A leader that is blocked for ten seconds loses its lease.',
    queries: [
      { expr: `max by (instance) ${commonMetric('nodejs_eventloop_lag_p99_seconds')}`, legend: '{{instance}}' },
    ],
    unit: 's',
    alerts: ['PodmendEventLoopBlocked'],
    ...third,
  }),
  rowsOf({
    title: 'Versions',
    description: 'The version of each replica. They differ only during an upgrade.',
    queries: [{ expr: metric('podmend_build_info') }],
    columns: { instance: 'Replica', node_version: 'Node', version: 'Version' },
    width: 24,
    height: 5,
  }),
]

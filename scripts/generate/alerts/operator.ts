/** Alerts about the operator itself: it is down, its watches are stale, or it makes no progress. */
import { ours } from '../promql.ts'
import type { Alert } from './alert.ts'

const UP = 'podmend_build_info{job="podmend",instance="a:8080",version="1.0.0"}'
const QUEUE = 'job="podmend",instance="a:8080",name="incidents"'
const FOREIGN = 'job="kube-controller-manager",instance="c:10257",name="incidents"'
const LEADER = (instance: string): string => `podmend_leader{job="podmend",instance="${instance}:8080"}`
const WATCH = 'podmend_watch_last_activity_timestamp_seconds{job="podmend",instance="a:8080",resource="pods"}'
const LAG = 'nodejs_eventloop_lag_p99_seconds{job="podmend",instance="a:8080"}'

export const OPERATOR_ALERTS: readonly Alert[] = [
  {
    name: 'PodmendDown',
    severity: 'critical',
    for: '5m',
    expr: 'absent(podmend_build_info)',
    when: 'no replica has been scraped',
    summary: 'podmend is not running, or Prometheus cannot scrape it',
    description:
      'Prometheus has not scraped any podmend replica for 5 minutes. Running workloads are not affected, but pods that break ' +
      'now are not repaired. Check its pods in namespace podmend-system.',
    cases: [
      { name: 'nothing was ever scraped', series: {}, at: '6m', fires: [{ labels: {} }] },
      { name: 'the last replica is gone', series: { [UP]: '1x5 stale' }, at: '12m', fires: [{ labels: {} }] },
      { name: 'a replica restarts', series: { [UP]: '1x5 stale _x2 1x10' }, at: '10m', fires: [] },
      { name: 'it runs', series: { [UP]: '1x20' }, at: '20m', fires: [] },
    ],
  },
  {
    name: 'PodmendNoLeader',
    severity: 'critical',
    for: '2m',
    expr: 'sum(podmend_leader) == 0',
    when: 'replicas run, but none of them is the leader',
    summary: 'podmend runs without a leader: nothing is repaired',
    description:
      'Replicas of podmend are running, but none of them has held the lease for 2 minutes, so none of them acts. Usually the ' +
      'API server does not answer in time, or the replicas may no longer update the lease.',
    cases: [
      {
        name: 'two replicas stand by and none leads',
        series: { [LEADER('a')]: '1x3 0x10', [LEADER('b')]: '0x13' },
        at: '7m',
        fires: [{ labels: {} }],
      },
      {
        name: 'the other replica takes over',
        series: { [LEADER('a')]: '1x3 0x10', [LEADER('b')]: '0x4 1x9' },
        at: '10m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendWatchQuiet',
    severity: 'warning',
    for: '1m',
    expr: 'time() - podmend_watch_last_activity_timestamp_seconds > 240',
    when: 'a watch has received nothing from the API server for 4 minutes',
    summary: 'the watch of podmend on {{ $labels.resource }} receives nothing',
    description:
      'The replica at {{ $labels.instance }} has received nothing about {{ $labels.resource }} for {{ $value | humanizeDuration }}, ' +
      'not even a response to its own list request. It may miss new failures. It keeps retrying; its log says why it fails.',
    cases: [
      {
        name: 'a watch receives nothing',
        series: { [WATCH]: '0x20' },
        at: '6m',
        fires: [{ labels: { job: 'podmend', instance: 'a:8080', resource: 'pods' }, value: '6m 0s' }],
      },
      {
        name: 'in a quiet cluster, list requests are answered now and then',
        series: { [WATCH]: '0 0 120 120 240 240 360 360 480' },
        at: '8m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendQueueBackingUp',
    severity: 'warning',
    for: '10m',
    expr: `max by (name) ${ours('workqueue_depth')} > 50`,
    when: 'more than 50 keys of a work queue are waiting',
    summary: 'podmend falls behind: {{ $value }} {{ $labels.name }} are waiting in its work queue',
    description:
      'More than 50 {{ $labels.name }} have been waiting in the work queue for 10 minutes. Repairs are late. Either very ' +
      'much is broken at once, or each run is slow: the API server or a registry does not answer in time.',
    cases: [
      {
        name: 'it falls behind',
        series: { [UP]: '1x20', [`workqueue_depth{${QUEUE}}`]: '0 80x20' },
        at: '12m',
        fires: [{ labels: { name: 'incidents' }, value: '80' }],
      },
      {
        name: 'a storm passes',
        series: { [UP]: '1x20', [`workqueue_depth{${QUEUE}}`]: '0 400 300 200 100 0x15' },
        at: '12m',
        fires: [],
      },
      {
        name: 'another program has a queue of the same name',
        series: { [UP]: '1x20', [`workqueue_depth{${FOREIGN}}`]: '900x20' },
        at: '15m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendRunsFailing',
    severity: 'warning',
    for: '15m',
    expr: `sum by (name) ${ours('increase(workqueue_retries_total[10m])')} >= 5`,
    when: 'runs of a work queue keep failing',
    summary: 'podmend cannot process some {{ $labels.name }}',
    description:
      'Runs of the work queue {{ $labels.name }} have failed and been retried for 15 minutes. A request that they need ' +
      'is refused or times out. The log says which: search it for "run failed".',
    cases: [
      {
        name: 'one key fails once a minute',
        series: { [UP]: '1x40', [`workqueue_retries_total{${QUEUE}}`]: '0+1x40' },
        at: '30m',
        fires: [{ labels: { name: 'incidents' } }],
      },
      {
        name: 'a conflict now and then',
        series: { [UP]: '1x40', [`workqueue_retries_total{${QUEUE}}`]: '0x9 1x9 2x9 3x9' },
        at: '35m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendRunStuck',
    severity: 'warning',
    for: '5m',
    expr: `max by (name) ${ours('workqueue_longest_running_processor_seconds')} > 120`,
    when: 'a run has lasted for more than two minutes',
    summary: 'a run of the work queue {{ $labels.name }} has lasted for {{ $value | humanizeDuration }}',
    description:
      'A single run of the work queue {{ $labels.name }} does not end. Each of its requests has a timeout, so either it sends very ' +
      'many of them or it is stuck. The incident that it processes makes no progress; others do.',
    cases: [
      {
        name: 'a run does not end',
        series: { [UP]: '1x20', [`workqueue_longest_running_processor_seconds{${QUEUE}}`]: '0+60x20' },
        at: '10m',
        fires: [{ labels: { name: 'incidents' }, value: '10m 0s' }],
      },
      {
        name: 'slow runs end',
        series: {
          [UP]: '1x20',
          [`workqueue_longest_running_processor_seconds{${QUEUE}}`]: '100 150 20 130 10 140 0 130 0 0 0',
        },
        at: '10m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendEventLoopBlocked',
    severity: 'warning',
    for: '5m',
    expr: `max by (job, instance) ${ours('nodejs_eventloop_lag_p99_seconds')} > 1`,
    when: 'the event loop is blocked for more than a second at a time',
    summary: 'the event loop of podmend is blocked for {{ $value | humanizeDuration }} at a time',
    description:
      'The process at {{ $labels.instance }} is blocked repeatedly. A leader that is blocked for 10 seconds loses its lease. ' +
      'Usually it gets too little CPU: check for throttling and for a CPU limit.',
    cases: [
      {
        name: 'it is starved of CPU',
        series: { [UP]: '1x20', [LAG]: '0.02 2.5x20' },
        at: '8m',
        fires: [{ labels: { job: 'podmend', instance: 'a:8080' }, value: '2.5s' }],
      },
      { name: 'one slow moment', series: { [UP]: '1x20', [LAG]: '0.02 3 0.02x20' }, at: '8m', fires: [] },
    ],
  },
]

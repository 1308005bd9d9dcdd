/** Alerts about nodes: their agents fail or are silent, or something stands on a node that a person has to do. */
import { gained, oneOf } from '../promql.ts'
import type { Alert } from './alert.ts'

const answered = (verb: string, result: string): string =>
  `podmend_agent_tasks_total{job="podmend",instance="a:8080",verb="${verb}",result="${result}"}`
/** Both replicas see every node, so both tell the same. */
const flagged = (instance: string): string =>
  `podmend_nodes_flagged{job="podmend",instance="${instance}:8080",cause="MountHelperMissing"}`

/** Answers to an order that should have been carried out. The others are refusals with a reason that stands on the record. */
const FAILED = ['Error', 'TimedOut', 'Interrupted', 'VerbNotAllowed']

export const NODE_ALERTS: readonly Alert[] = [
  {
    name: 'PodmendAgentTasksFailing',
    severity: 'warning',
    for: '0m',
    expr: `sum by (verb, result) ${gained(`podmend_agent_tasks_total{result=~"${oneOf(FAILED)}"}`, '1h')} > 0`,
    when: 'within the last hour a node agent could not carry out an order',
    summary: 'a node agent could not carry out {{ $labels.verb }}: {{ $labels.result }}',
    description:
      'The agent on a node was told to do something and could not, or was cut off while it did. podmend does not repeat it blindly: it looks ' +
      'again, and escalates or stops as the policy says. The order says what went wrong, in the words of systemd or of the runtime.',
    cases: [
      {
        name: 'systemd refused a restart',
        series: { [answered('RestartRuntime', 'Error')]: '_x9 1x20' },
        at: '15m',
        fires: [{ labels: { verb: 'RestartRuntime', result: 'Error' } }],
      },
      {
        name: 'one more look took too long',
        series: { [answered('Inspect', 'TimedOut')]: '3x90 4x60' },
        at: '95m',
        fires: [{ labels: { verb: 'Inspect', result: 'TimedOut' } }],
      },
      { name: 'long ago', series: { [answered('RestartRuntime', 'Error')]: '_x9 1x120' }, at: '120m', fires: [] },
      {
        name: 'it was not needed any more',
        series: { [answered('RestartRuntime', 'NotNeeded')]: '_x9 1x20', [answered('Inspect', 'Done')]: '0+1x30' },
        at: '15m',
        fires: [],
      },
    ],
  },
  {
    name: 'PodmendAgentSilent',
    severity: 'warning',
    for: '10m',
    expr: `sum ${gained('podmend_agent_tasks_total{result="NoAnswer"}', '10m')} > 0`,
    when: 'for ten minutes a node agent that was asked has not answered',
    summary: 'a node agent does not answer, so nothing on its node can be confirmed or repaired',
    description:
      'Something fails on a node, or a flag stands on it, and the agent there is asked what it sees and says nothing. What it cannot confirm is ' +
      'held. kubectl mend doctor names the nodes.',
    cases: [
      {
        name: 'it stays silent',
        series: { [answered('Inspect', 'NoAnswer')]: '_x4 1+0.5x40' },
        at: '30m',
        fires: [{ labels: {} }],
      },
      { name: 'it was silent once', series: { [answered('Inspect', 'NoAnswer')]: '_x4 1x40' }, at: '30m', fires: [] },
      { name: 'it answers', series: { [answered('Inspect', 'Done')]: '0+2x40' }, at: '30m', fires: [] },
    ],
  },
  {
    name: 'PodmendNodeFlagged',
    severity: 'warning',
    for: '15m',
    expr: 'max by (cause) (podmend_nodes_flagged) > 0',
    when: 'a node has been flagged for a quarter of an hour',
    summary: '{{ $value }} node(s) are flagged {{ $labels.cause }}: a person has something to do there',
    description:
      'A flag stands on a node because its owner allowed no more than that, or because nothing else helped. The condition ' +
      '{{ $labels.cause }} of the node says what is to be done, for a missing mount helper the package and the command. It goes by itself.',
    cases: [
      {
        name: 'nobody installs the helper',
        series: { [flagged('a')]: '_x3 2x40', [flagged('b')]: '_x3 2x40' },
        at: '30m',
        fires: [{ labels: { cause: 'MountHelperMissing' }, value: '2' }],
      },
      { name: 'it is installed within minutes', series: { [flagged('a')]: '_x3 1x8 stale' }, at: '30m', fires: [] },
    ],
  },
]

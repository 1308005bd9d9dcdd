/** Alerts about nodes: an agent fails or does not answer, or a node is flagged because it needs manual work. */
import { gained, oneOf } from '../promql.ts'
import type { Alert } from './alert.ts'

const taskEnded = (verb: string, result: string): string =>
  `podmend_agent_tasks_total{job="podmend",instance="a:8080",verb="${verb}",result="${result}"}`
/** Both replicas see every node, so both report the same value. */
const flagged = (instance: string): string =>
  `podmend_nodes_flagged{job="podmend",instance="${instance}:8080",cause="MountHelperMissing"}`

/** Results of a task that should have been executed. The others are refusals whose reason is on the record. */
const FAILED = ['Error', 'TimedOut', 'Interrupted', 'VerbNotAllowed']

export const NODE_ALERTS: readonly Alert[] = [
  {
    name: 'PodmendAgentTasksFailing',
    severity: 'warning',
    for: '0m',
    expr: `sum by (verb, result) ${gained(`podmend_agent_tasks_total{result=~"${oneOf(FAILED)}"}`, '1h')} > 0`,
    when: 'a node agent failed to execute a task within the last hour',
    summary: 'a node agent failed to execute {{ $labels.verb }}: {{ $labels.result }}',
    description:
      'The agent on a node could not execute a task, or was interrupted. podmend does not repeat the task blindly: it inspects the ' +
      'node first, then escalates or stops as the policy says. The status of the NodeTask has the error of systemd or of the runtime.',
    cases: [
      {
        name: 'systemd refused a restart',
        series: { [taskEnded('RestartRuntime', 'Error')]: '_x9 1x20' },
        at: '15m',
        fires: [{ labels: { verb: 'RestartRuntime', result: 'Error' } }],
      },
      {
        name: 'one more inspection timed out',
        series: { [taskEnded('Inspect', 'TimedOut')]: '3x90 4x60' },
        at: '95m',
        fires: [{ labels: { verb: 'Inspect', result: 'TimedOut' } }],
      },
      { name: 'long ago', series: { [taskEnded('RestartRuntime', 'Error')]: '_x9 1x120' }, at: '120m', fires: [] },
      {
        name: 'it was no longer needed',
        series: { [taskEnded('RestartRuntime', 'NotNeeded')]: '_x9 1x20', [taskEnded('Inspect', 'Done')]: '0+1x30' },
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
    when: 'a node agent has not answered for 10 minutes',
    summary: 'a node agent does not answer; no cause on its node can be confirmed or repaired',
    description:
      'Pods fail on a node, or the node is flagged, and its agent does not answer requests to inspect it. podmend holds whatever the ' +
      'agent cannot confirm. To see which nodes are affected, run kubectl mend doctor.',
    cases: [
      {
        name: 'it never answers',
        series: { [taskEnded('Inspect', 'NoAnswer')]: '_x4 1+0.5x40' },
        at: '30m',
        fires: [{ labels: {} }],
      },
      {
        name: 'it missed one request',
        series: { [taskEnded('Inspect', 'NoAnswer')]: '_x4 1x40' },
        at: '30m',
        fires: [],
      },
      { name: 'it answers', series: { [taskEnded('Inspect', 'Done')]: '0+2x40' }, at: '30m', fires: [] },
    ],
  },
  {
    name: 'PodmendNodeFlagged',
    severity: 'warning',
    for: '15m',
    expr: 'max by (cause) (podmend_nodes_flagged) > 0',
    when: 'a node has been flagged for 15 minutes',
    summary: '{{ $value }} node(s) are flagged {{ $labels.cause }} and need manual work',
    description:
      'podmend flags a node if the policy allows nothing else, or if no other action helped. The condition {{ $labels.cause }} of the ' +
      'node says what to do; for a missing mount helper, it names the package and the command. podmend removes the flag once the cause is gone.',
    cases: [
      {
        name: 'the helper is not installed',
        series: { [flagged('a')]: '_x3 2x40', [flagged('b')]: '_x3 2x40' },
        at: '30m',
        fires: [{ labels: { cause: 'MountHelperMissing' }, value: '2' }],
      },
      { name: 'it is installed within minutes', series: { [flagged('a')]: '_x3 1x8 stale' }, at: '30m', fires: [] },
    ],
  },
]

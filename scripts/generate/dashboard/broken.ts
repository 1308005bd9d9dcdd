import { type Phase, PHASE_EXPLANATIONS, PHASES } from '../../../src/model/reasons.ts'
import { gained } from '../promql.ts'
import { bigNumber, overTime, type Panel, ranking } from './panels.ts'
import { among, metric, once, orZero, policyMetric } from './queries.ts'

/** Phases in which something still fails or is being repaired. */
const OPEN: readonly Phase[] = ['Observed', 'Held', 'AwaitingApproval', 'Running', 'Verifying']

const inPhase = (...phases: readonly Phase[]): string =>
  orZero(`sum(${once(metric('podmend_remediations_active', among('phase', phases)), ['phase'])})`)

const endedAs = (...results: readonly Phase[]): string =>
  orZero(`sum(${gained(policyMetric('podmend_remediations_total', among('result', results)), '$__range')})`)

const small = { width: 4, height: 4 }

export const BROKEN: readonly Panel[] = [
  bigNumber({
    ...small,
    title: 'Waiting for a person',
    description:
      'Broken workloads that need a person: a plan waits for approval, all attempts are used up, or a user reverted a repair.',
    queries: [
      {
        expr: orZero(
          `sum(${once(policyMetric('podmend_remediations_held', among('reason', ['AwaitingApproval', 'AttemptsSpent', 'EditReverted'])), ['policy', 'reason'])})`,
        ),
      },
    ],
    steps: ['green', [1, 'orange']],
    alerts: ['PodmendAwaitingApproval', 'PodmendGaveUp', 'PodmendEditReverted'],
  }),
  bigNumber({
    ...small,
    title: 'Being repaired',
    description: 'Remedies that are being applied, or are applied and being verified.',
    queries: [{ expr: inPhase('Running', 'Verifying') }],
    steps: ['green', [1, 'blue']],
  }),
  bigNumber({
    ...small,
    title: 'Held',
    description: 'Broken workloads that a guardrail holds now. The reasons are two rows below.',
    queries: [{ expr: inPhase('Held') }],
    steps: ['green', [1, 'yellow']],
    alerts: ['PodmendHeldTooLong', 'PodmendBudgetSpent', 'PodmendPaused'],
  }),
  bigNumber({
    ...small,
    title: 'Observed only',
    description: 'Broken workloads whose policy is in mode Observe. Each Remediation has the plan.',
    queries: [{ expr: inPhase('Observed') }],
    steps: ['green', [1, 'purple']],
  }),
  bigNumber({
    ...small,
    title: 'Repaired in this time range',
    description: 'Remedies in the selected time range that are verified: the containers started and kept running.',
    queries: [{ expr: endedAs('Succeeded') }],
    steps: ['text', [1, 'green']],
    unit: 'short',
  }),
  bigNumber({
    ...small,
    title: 'Ineffective or failed',
    description: 'Remedies in the selected time range that did not help, or that the API server refused.',
    queries: [{ expr: endedAs('Ineffective', 'Failed') }],
    steps: ['green', [1, 'red']],
    alerts: ['PodmendRemediationIneffective', 'PodmendRemediationFailed'],
  }),
  overTime({
    title: 'Open remediations by phase',
    description: PHASES.filter((phase) => OPEN.includes(phase))
      .map((phase) => `${phase}: ${PHASE_EXPLANATIONS[phase]}.`)
      .join(' '),
    queries: [
      { expr: once(metric('podmend_remediations_active', among('phase', OPEN)), ['phase']), legend: '{{phase}}' },
    ],
    stacked: true,
    width: 12,
    height: 8,
  }),
  ranking({
    title: 'Incidents by cause in this time range',
    description:
      'What broke, whether or not a policy matches. An incident is one workload (or node) and one kind of failure, however many pods fail. After a change of leader, incidents that still fail are counted again.',
    queries: [
      { expr: `sum by (cause) (${gained(metric('podmend_incidents_total'), '$__range')})`, legend: '{{cause}}' },
    ],
    width: 12,
    height: 8,
  }),
]

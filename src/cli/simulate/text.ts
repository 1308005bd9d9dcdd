/** What a simulation found, as data and as text; pure. */
import type { MissingRight } from '../cluster.ts'
import type { IncidentReport } from '../incident/report.ts'
import { ago, describeDecision, field, nameOf, type TextOptions } from '../incident/text.ts'
import { caveats } from '../options.ts'
import { type Paint, paintDiff } from '../terminal.ts'
import type { PolicyReport } from './policies.ts'

/** What `simulate -o json` prints. */
export interface Simulation {
  readonly policies: readonly PolicyReport[]
  /** Policies of the cluster that stay in force beside them. */
  readonly others: readonly string[]
  readonly incidents: readonly IncidentReport[]
  readonly notes: readonly string[]
  readonly missingRights: readonly MissingRight[]
}

const policyLines = ({ name, at, ok, mode, sentences, warnings }: PolicyReport, options: TextOptions) => {
  const { paint } = options
  const head = name === '' ? at : `policy ${name} (${at})`
  const state = ok
    ? mode === undefined
      ? paint.dim('skipped')
      : `${paint.green('is valid')}, mode ${mode}`
    : paint.red(name === '' ? 'cannot be read' : 'is invalid')
  return [
    `${paint.bold(head)} ${state}`,
    ...sentences.flatMap((sentence) => field('', sentence, options)),
    ...warnings.flatMap((warning) => field('warning', warning, options)),
  ]
}

/** What would be done about one incident, in one line. */
const describeOutcome = ({ decision, ifEnforced }: IncidentReport, paint: Paint): string => {
  if (decision.verdict === 'Act') return `policy ${decision.policy} ${paint.green('would act')}: ${decision.action}`
  if (ifEnforced?.verdict === 'Act') {
    return `policy ${decision.policy} ${paint.yellow('would observe')}; in mode Enforce it would act: ${ifEnforced.action}`
  }
  if (ifEnforced) {
    return `policy ${decision.policy} ${paint.yellow('would observe')}; in mode Enforce it would hold: ${ifEnforced.reason}, ${ifEnforced.message}`
  }
  if (decision.verdict === 'Hold')
    return `policy ${decision.policy} would hold: ${paint.yellow(decision.reason ?? '')}, ${decision.message}`
  return describeDecision(decision, paint)
}

const incidentLines = (report: IncidentReport, options: TextOptions): readonly string[] => {
  const { paint, now } = options
  const diff = report.decision.diff ?? report.ifEnforced?.diff
  const since = report.since === undefined ? '' : ` for ${ago(report.since, now)}`
  const pods = report.pods.length === 1 ? '1 pod' : `${report.pods.length} pods`
  return [
    `${paint.bold(nameOf(report))} fails: ${paint.red(report.cause)}, ${pods}${since}`,
    ...field('', describeOutcome(report, paint), options),
    ...(diff === undefined
      ? []
      : paintDiff(diff, paint)
          .split('\n')
          .map((line) => `  ${line}`)),
    '',
  ]
}

const sum = ({ incidents }: Simulation): string => {
  const acts = incidents.filter(({ decision }) => decision.verdict === 'Act').length
  const observed = incidents.filter(({ ifEnforced }) => ifEnforced?.verdict === 'Act').length
  const held = incidents.filter(
    ({ decision, ifEnforced }) => decision.verdict === 'Hold' && ifEnforced?.verdict !== 'Act',
  ).length
  const unknown = incidents.filter(({ decision }) => decision.verdict === 'Unknown').length
  const none = incidents.length - acts - observed - held - unknown
  const undecided = unknown === 0 ? '' : `, ${unknown} unknown`
  return `${incidents.length} incidents: ${acts} would be remediated, ${observed} more in mode Enforce, ${held} held, ${none} without action${undecided}. Nothing was written.`
}

export const simulationText = (simulation: Simulation, options: TextOptions): string => {
  const { policies, others, incidents, notes, missingRights } = simulation
  const lines = [
    ...policies.flatMap((policy) => policyLines(policy, options)),
    ...(others.length === 0 ? [] : field('also in force', `${others.join(', ')}, from the cluster`, options)),
    '',
    ...incidents.flatMap((incident) => incidentLines(incident, options)),
    incidents.length === 0 ? 'Nothing fails here: no action.' : sum(simulation),
  ]
  return `${lines.join('\n')}\n${caveats(notes, missingRights, options)}`
}

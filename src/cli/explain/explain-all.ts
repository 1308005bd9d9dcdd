/** Everything that fails, one line or two each: what a person reads first. */
import type { Gather } from '../../diagnose/gather.ts'
import type { Cluster, MissingRight } from '../cluster.ts'
import { type IncidentReport, reportOf } from '../incident/report.ts'
import { ago, describeDecision, describeExplanation, field, nameOf, type TextOptions } from '../incident/text.ts'
import { caveats } from '../options.ts'
import { evaluateIncident, refineDiagnosis } from '../snapshot/evaluate.ts'
import { eachOf, readIncidents } from '../snapshot/failing-pods.ts'
import { readClusterState, snapshotOf } from '../snapshot/live.ts'

/** What `explain --all -o json` prints. */
export interface Overview {
  /** Absent: of the whole cluster. */
  readonly namespace?: string
  /** Longest failing first. */
  readonly incidents: readonly IncidentReport[]
  readonly notes: readonly string[]
  readonly missingRights: readonly MissingRight[]
}

interface Question {
  readonly cluster: Cluster
  readonly gather: Gather
  readonly namespace: string | undefined
  readonly operatorNamespace: string
  readonly now: number
}

export const explainAll = async (question: Question): Promise<Overview> => {
  const { cluster, gather, namespace, now } = question
  const [clusterState, incidents] = await Promise.all([
    readClusterState(cluster, question.operatorNamespace),
    readIncidents(cluster.client, namespace, now),
  ])
  const snapshot = snapshotOf(clusterState, clusterState.policies)
  return {
    ...(namespace !== undefined && { namespace }),
    incidents: await eachOf(incidents, async (incident) => {
      const decided = await evaluateIncident(incident, snapshot(incident, now), gather)
      const evaluated = await refineDiagnosis(incident, decided, gather)
      return reportOf(incident, evaluated, clusterState, clusterState.records.of(incident.owner.ref, incident.area))
    }),
    notes: [
      ...clusterState.notes,
      ...clusterState.bad.map((bad) => `policy ${bad.name} is invalid and not in force: ${bad.sentences[0]}`),
    ],
    missingRights: cluster.missingRights(),
  }
}

const incidentLines = (report: IncidentReport, options: TextOptions): readonly string[] => {
  const { paint, now } = options
  const since = report.since === undefined ? '' : `, for ${ago(report.since, now)}`
  const pods = report.pods.length === 0 ? '' : report.pods.length === 1 ? ', 1 pod' : `, ${report.pods.length} pods`
  const [likeliest] = report.explanations
  return [
    `${paint.bold(nameOf(report))} fails: ${paint.red(report.cause)}${pods}${since}`,
    ...(likeliest === undefined ? [] : field('why', describeExplanation(likeliest, paint), options)),
    ...field('decision', describeDecision(report.decision, paint), options),
    '',
  ]
}

/** The overview as text; pure. */
export const overviewText = (overview: Overview, options: TextOptions): string => {
  const { namespace, incidents, notes, missingRights } = overview
  const where = namespace === undefined ? 'in the cluster' : `in namespace ${namespace}`
  const causes = [...new Set(incidents.map(({ cause }) => cause))]
  const count = incidents.length === 1 ? '1 incident' : `${incidents.length} incidents`
  const end =
    incidents.length === 0
      ? `podmend finds no failures ${where}.`
      : `${count} ${where}: ${causes.join(', ')}. Run kubectl mend explain TYPE/NAME for details.`
  const lines = [...incidents.flatMap((incident) => incidentLines(incident, options)), end]
  return `${lines.join('\n')}\n${caveats(notes, missingRights, options)}`
}

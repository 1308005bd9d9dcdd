import { UsageError } from '../../config/arguments.ts'
import type { Gather } from '../../diagnose/gather.ts'
import type { Cluster, MissingRight } from '../cluster.ts'
import { type IncidentReport, type RecordReport, recordReport, reportOf } from '../incident/report.ts'
import { ago, field, incidentText, type TextOptions } from '../incident/text.ts'
import { EXPLAINED_KINDS, type Named, parseNamed } from '../object-ref.ts'
import { caveats, CLUSTER_STATE_OPTIONS, operatorNamespace, registryOf, withClusterState } from '../options.ts'
import { createReadingGather, evaluateIncident, refineDiagnosis } from '../snapshot/evaluate.ts'
import { failingNodes, failingOf, incidentsOf, readPodEvents, wholeNodes } from '../snapshot/failing-pods.ts'
import { readClusterState, snapshotOf } from '../snapshot/live.ts'
import { EXIT, subcommand } from '../subcommand.ts'
import { printable } from '../../model/printable.ts'
import { createPaint, formatData } from '../terminal.ts'
import { explainAll, type Overview, overviewText } from './explain-all.ts'
import { incidentsAround, similarTo } from './similar.ts'
import { concerns, describeNode, describePods, readSubject } from './subject.ts'

/** What `explain -o json` prints. */
export interface Explanation {
  /** Without a namespace: a node. */
  readonly subject: { readonly kind: string; readonly namespace?: string; readonly name: string }
  readonly state: string
  readonly incidents: readonly IncidentReport[]
  /** Of the subject, where nothing fails any more. */
  readonly records: readonly RecordReport[]
  readonly notes: readonly string[]
  readonly missingRights: readonly MissingRight[]
}

interface Question extends Named {
  readonly cluster: Cluster
  readonly gather: Gather
  readonly operatorNamespace: string
  readonly now: number
}

const explain = async (question: Question): Promise<Explanation> => {
  const { cluster, gather, now } = question
  const { client } = cluster
  const subject = await readSubject(cluster, question)
  const [clusterState, events] = await Promise.all([
    readClusterState(cluster, question.operatorNamespace),
    readPodEvents(client, subject.namespace),
  ])
  const itself = subject.node ? failingNodes([subject.node], now) : []
  const named = await incidentsOf([...failingOf(subject.pods, events, now), ...itself], client)
  const found = subject.node ? { incidents: named, notes: [] } : await wholeNodes(named, client, now)
  const { namespace } = subject
  const around =
    namespace === undefined ? [] : await incidentsAround(client, { namespace, events, now, but: subject.pods })
  const snapshot = snapshotOf(clusterState, clusterState.policies)
  const incidents: IncidentReport[] = []
  for (const incident of found.incidents.filter(({ owner, pods }) => concerns(subject, owner.ref, pods))) {
    const decided = await evaluateIncident(incident, snapshot(incident, now), gather)
    const evaluated = await refineDiagnosis(incident, decided, gather)
    const records = clusterState.records.of(incident.owner.ref, incident.area)
    const others = (cause: string) => similarTo(incident, cause, around, clusterState.records.all())
    incidents.push(reportOf(incident, evaluated, clusterState, records, others))
  }
  const owned = subject.node ? [] : subject.pods
  const controllers = owned.flatMap(({ metadata }) => metadata.ownerReferences ?? [])
  const past = [subject, ...new Map(controllers.map((one) => [one.uid, one])).values()].flatMap(({ kind, name, uid }) =>
    clusterState.records.ofOwner({
      kind,
      name,
      uid,
      ...(subject.namespace !== undefined && { namespace: subject.namespace }),
    }),
  )
  const { kind, name } = subject
  return {
    subject: { kind, ...(namespace !== undefined && { namespace }), name },
    state: subject.node ? describeNode(subject.node) : describePods(subject.pods),
    incidents,
    records: incidents.length > 0 ? [] : past.map(recordReport),
    notes: [
      ...clusterState.notes,
      ...found.notes,
      ...clusterState.bad.map((bad) => `policy ${bad.name} is invalid and not in force: ${bad.sentences[0]}`),
    ],
    missingRights: cluster.missingRights(),
  }
}

/** The explanation as text; pure. */
export const explanationText = (explanation: Explanation, options: TextOptions): string => {
  const { subject, state, incidents, records, notes, missingRights } = explanation
  const { paint, now } = options
  const healthy = [
    `${paint.bold(`${subject.kind} ${subject.namespace === undefined ? '' : `${subject.namespace}/`}${subject.name}`)} is not failing: ${state}`,
    ...records.flatMap(({ name, phase, reason, since }) =>
      field(
        'record',
        `${name}: ${phase}${reason === undefined ? '' : ` (${reason})`}${since === undefined ? '' : `, created ${ago(since, now)} ago`}`,
        options,
      ),
    ),
  ]
  const body =
    incidents.length > 0
      ? // Of a node its own state counts beside what fails on it: a flag, a cordon.
        `${subject.kind === 'Node' ? `${paint.bold(`Node ${subject.name}`)}: ${state}\n\n` : ''}${incidents.map((incident) => incidentText(incident, options)).join('\n')}`
      : `${healthy.join('\n')}\n`
  return `${body}${caveats(notes, missingRights, options)}`
}

const noneNamed = (positionals: readonly string[]): undefined => {
  if (positionals[0] !== undefined)
    throw new UsageError(`found "${positionals.join(' ').slice(0, 120)}" together with --all; expected one of them`)
}

export const explainCommand = subcommand(
  {
    name: 'explain',
    synopsis: '(TYPE/NAME | TYPE NAME | --all) [options]',
    text:
      'Explains why a pod, the pods of a workload, or the pods on a node do not start: the cause and its evidence, ' +
      'the owner, which policy would act and which guardrail holds, what would be written, and where to fix it ' +
      "permanently. Runs the controller's own code with your rights, lists the rights that you lack, and writes " +
      'nothing.',
    examples: [
      'kubectl mend explain pod/coredns-5c98fc7769-abcde -n kube-system',
      'kubectl mend explain deploy coredns -n kube-system -o yaml',
      'kubectl mend explain node/hdss7-21.host.com',
      'kubectl mend explain --all',
    ],
  },
  {
    ...CLUSTER_STATE_OPTIONS,
    all: { type: 'boolean', help: 'everything that fails in the whole cluster or, with -n, in one namespace' },
  },
  async ({ values, positionals }, terminal) => {
    const named = values.all ? noneNamed(positionals) : parseNamed(positionals, EXPLAINED_KINDS)
    const registry = registryOf(values, terminal.environment)
    try {
      const { found, now } = await withClusterState<Explanation | Overview>(values, terminal, (cluster, at) => {
        const namespace = operatorNamespace(values['operator-namespace'], terminal.environment)
        const asksRegistry = values['ask-registry'] !== false
        const gather = createReadingGather(cluster.client, registry, { operatorNamespace: namespace, asksRegistry })
        const question = { cluster, gather, operatorNamespace: namespace, now: at }
        return named ? explain({ ...question, ...named }) : explainAll({ ...question, namespace: values.namespace })
      })
      const data = printable(found)
      const options = { paint: createPaint(terminal.colour), now, wide: values.output === 'wide' }
      const text = () => ('subject' in data ? explanationText(data, options) : overviewText(data, options))
      await terminal.write(formatData(data, values.output) ?? text())
      return EXIT.done
    } finally {
      registry.close()
    }
  },
)

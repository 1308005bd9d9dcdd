import { UsageError } from '../../config/arguments.ts'
import type { Evaluation } from '../../controller/evaluate.ts'
import { createReservations, type Reservations } from '../../controller/limits.ts'
import type { Gather } from '../../diagnose/gather.ts'
import type { PolicyInForce } from '../../model/decision-input.ts'
import { type Incident, incidentId } from '../../model/incident.ts'
import type { Cluster } from '../cluster.ts'
import { reportOf } from '../incident/report.ts'
import { CLUSTER_STATE_OPTIONS, operatorNamespace, registryOf, withClusterState } from '../options.ts'
import { createReadingGather, type Evaluated, evaluateIncident, startingFrom } from '../snapshot/evaluate.ts'
import { eachOf, readIncidents } from '../snapshot/failing-pods.ts'
import { type ClusterState, readClusterState, snapshotOf } from '../snapshot/live.ts'
import { EXIT, subcommand } from '../subcommand.ts'
import { printable } from '../../model/printable.ts'
import { createPaint, formatData } from '../terminal.ts'
import { admitEntries, type FileEntry, joinPolicies, readPolicies } from './policies.ts'
import { type Simulation, simulationText } from './text.ts'

const reserve = (
  reservations: Reservations,
  incident: Incident,
  verdict: Evaluation['verdict'] | undefined,
  now: number,
) => {
  if (verdict?.kind !== 'Act') return
  const id = incidentId(incident.owner.ref, incident.area)
  reservations.take(incident.key, { policy: verdict.policy.name, incident: id, at: now })
}

interface EvaluationInput {
  readonly clusterState: ClusterState
  readonly policies: readonly PolicyInForce[]
  readonly gather: Gather
  readonly now: number
}

/**
 * Evaluates all incidents: reads facts with limited concurrency, then decides in order, each with the budgets that the
 * previous ones left, so that the limits of policies take effect.
 */
const evaluateAll = async (
  incidents: readonly Incident[],
  { clusterState, policies, gather, now }: EvaluationInput,
): Promise<readonly Evaluated[]> => {
  const unspent = snapshotOf(clusterState, policies)
  const first = await eachOf(incidents, (incident) => evaluateIncident(incident, unspent(incident, now), gather))
  const reservations = createReservations()
  const spent = snapshotOf(clusterState, policies, reservations)
  const evaluated: Evaluated[] = []
  for (const [i, incident] of incidents.entries()) {
    const before = first[i]
    if (!before) continue
    const again = await evaluateIncident(incident, spent(incident, now), startingFrom(before.facts, gather))
    reserve(reservations, incident, again.verdict.kind === 'Act' ? again.verdict : again.ifEnforced, now)
    evaluated.push(again)
  }
  return evaluated
}

interface Question {
  readonly cluster: Cluster
  readonly gather: Gather
  readonly entries: readonly FileEntry[]
  readonly only: boolean
  /** Absent: the whole cluster. */
  readonly namespace?: string
  readonly operatorNamespace: string
  readonly now: number
}

const simulate = async (question: Question): Promise<Simulation> => {
  const { cluster, gather, entries, only, namespace, now } = question
  const clusterState = await readClusterState(cluster, question.operatorNamespace)
  const { reports, policies: inFiles } = admitEntries(entries, clusterState.objects)
  const policies = joinPolicies(only ? [] : clusterState.policies, inFiles, reports)
  const { policiesUnread } = clusterState
  const inForce = { policies, ...(!only && policiesUnread !== undefined && { policiesUnread }) }
  const incidents = await readIncidents(cluster.client, namespace, now)
  const evaluated = await evaluateAll(incidents, { clusterState, policies, gather, now })
  return {
    policies: reports,
    others: policies.flatMap(({ name }) => (inFiles.some((policy) => policy.name === name) ? [] : [name])),
    incidents: incidents.flatMap((incident, i) => {
      const one = evaluated[i]
      return one ? [reportOf(incident, one, inForce, clusterState.records.of(incident.owner.ref, incident.area))] : []
    }),
    notes: clusterState.notes,
    missingRights: cluster.missingRights(),
  }
}

export const simulateCommand = subcommand(
  {
    name: 'simulate',
    synopsis: '-f FILE [-f FILE...] [options]',
    text:
      'Shows what the policies in these files would do in the cluster as it is now: for each failing workload, the ' +
      'change as a diff or the guardrail that holds. They replace policies of the same name; the other policies of ' +
      'the cluster stay in force unless --only is given. Writes nothing. Exits with 1 if a policy is invalid.',
    examples: [
      'kubectl mend simulate -f examples/moved-registry-project.yaml',
      'kubectl mend simulate -f - --only -n shop < policy.yaml',
      'kubectl mend simulate -f policy.yaml --recorded then.json',
    ],
  },
  {
    filename: {
      type: 'string',
      short: 'f',
      multiple: true,
      value: 'FILE',
      help: 'file with policies; - for standard input',
    },
    only: { type: 'boolean', help: 'ignore the other policies in the cluster' },
    'all-namespaces': { type: 'boolean', short: 'A', help: 'the whole cluster (the default without -n)' },
    ...CLUSTER_STATE_OPTIONS,
    namespace: { type: 'string', short: 'n', value: 'NAME', help: 'only this namespace' },
  },
  async ({ values, positionals }, terminal) => {
    if (positionals[0] !== undefined) throw new UsageError(`found the argument "${positionals[0]}"; pass files with -f`)
    const files = values.filename ?? []
    if (files.length === 0) throw new UsageError('no file given; expected -f FILE, or -f - for standard input')
    if (files.filter((file) => file === '-').length > 1)
      throw new UsageError('-f - is given twice; standard input can be read only once')
    if (values.namespace !== undefined && values['all-namespaces']) {
      throw new UsageError('both --namespace and --all-namespaces are given; expected one of them')
    }
    const entries = (await Promise.all(files.map((file) => readPolicies(file, terminal.input)))).flat()
    const registry = registryOf(values, terminal.environment)
    try {
      const { found, now } = await withClusterState(values, terminal, (cluster, at) => {
        const own = operatorNamespace(values['operator-namespace'], terminal.environment)
        const asksRegistry = values['ask-registry'] !== false
        return simulate({
          cluster,
          gather: createReadingGather(cluster.client, registry, { operatorNamespace: own, asksRegistry }),
          entries,
          only: values.only === true,
          ...(values.namespace !== undefined && { namespace: values.namespace }),
          operatorNamespace: own,
          now: at,
        })
      })
      const simulation = printable(found)
      const options = { paint: createPaint(terminal.colour), now, wide: values.output === 'wide' }
      await terminal.write(formatData(simulation, values.output) ?? simulationText(simulation, options))
      return simulation.policies.every(({ ok }) => ok) ? EXIT.done : EXIT.failed
    } finally {
      registry.close()
    }
  },
)

/** The state that the controller watches, read once with the user's permissions: policies, records, the stop annotation. */
import type { Remediation, RemediationPolicy } from '../../api/kinds.ts'
import { admitPolicy } from '../../api/policy/compile.ts'
import { FLAGS } from '../../config/flags.ts'
import { type Snapshot, takeSnapshot } from '../../controller/evaluate.ts'
import { createReservations, type Reservations } from '../../controller/limits.ts'
import { occupiesNode } from '../../decide/guardrails/target.ts'
import { listAll } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import { pathOf, whyUnread } from '../../kube/paths.ts'
import type { NodeState, PolicyInForce } from '../../model/decision-input.ts'
import { type Fact, type Incident, known, unknown } from '../../model/incident.ts'
import type { KubeObject, Node } from '../../model/kubernetes.ts'
import { isInPlace } from '../../model/remediation-state.ts'
import { pauses } from '../../model/names.ts'
import { attemptsOfPolicy, attemptsOfRecord, mergeAttempts } from '../../report/attempts.ts'
import { nodeEntry } from '../../watch/node-cache.ts'
import { createRemediationCache, type RemediationCache } from '../../watch/remediation-cache.ts'
import type { Cluster } from '../cluster.ts'

/** A policy that is not in force, and why. */
export interface BadPolicy {
  readonly name: string
  readonly sentences: readonly string[]
}

export interface ClusterState {
  /** As stored in the cluster. */
  readonly objects: readonly RemediationPolicy[]
  readonly policies: readonly PolicyInForce[]
  /** Why the policies of the cluster are unknown, in a sentence: then nobody can say that none matches. */
  readonly policiesUnread?: string
  readonly bad: readonly BadPolicy[]
  readonly records: RemediationCache
  readonly paused: Fact<boolean>
  readonly nodes: Fact<readonly NodeState[]>
  readonly operatorNamespace: string
  /** What had to be assumed, in sentences. */
  readonly notes: readonly string[]
}

/** Admits policies as the controller does; the invalid ones apart, with their sentences. */
export const admitAll = (objects: readonly KubeObject[]): Pick<ClusterState, 'policies' | 'bad'> => {
  const admitted = objects.map((object) => ({ object, admission: admitPolicy(object) }))
  return {
    policies: admitted.flatMap(({ admission }) => (admission.ok ? [admission.policy] : [])),
    bad: admitted.flatMap(({ object, admission }) =>
      admission.ok ? [] : [{ name: object.metadata.name, sentences: admission.sentences }],
    ),
  }
}

const orNone = (error: unknown): undefined => {
  if (forbidden(error) || notFound(error)) return undefined
  throw error
}

interface RecordsRead {
  readonly records: readonly Remediation[]
  readonly notes: readonly string[]
}

/** All of them; where one may not list those of every namespace, those here and those of nodes. */
const readRecords = async ({ client, namespace }: Cluster, operatorNamespace: string): Promise<RecordsRead> => {
  const all = await listAll<Remediation>(client, pathOf({ kind: 'Remediation' })).catch(orNone)
  if (all) return { records: all.items, notes: [] }
  const [here, ofNodes] = await Promise.all(
    [namespace, operatorNamespace].map((each) =>
      listAll<Remediation>(client, pathOf({ kind: 'Remediation', namespace: each })).catch(orNone),
    ),
  )
  const notes = [
    ...(here ? [] : ['Remediations cannot be read; assuming no earlier attempts']),
    ...(ofNodes
      ? []
      : [
          `Remediations of nodes (namespace ${operatorNamespace}) cannot be read; assuming no earlier attempts on nodes`,
        ]),
  ]
  return { records: [...(here?.items ?? []), ...(ofNodes?.items ?? [])], notes }
}

/** Where the kind does not exist, there are no policies; where it may not be listed, nobody knows. */
const readPolicies = async ({ client }: Cluster): Promise<Pick<ClusterState, 'objects' | 'policiesUnread'>> => {
  const path = pathOf({ kind: 'RemediationPolicy' })
  try {
    return { objects: (await listAll<RemediationPolicy>(client, path)).items }
  } catch (error) {
    if (notFound(error)) return { objects: [] }
    if (forbidden(error)) return { objects: [], policiesUnread: whyUnread(path, error) }
    throw error
  }
}

export const readClusterState = async (cluster: Cluster, operatorNamespace: string): Promise<ClusterState> => {
  const { client } = cluster
  const [policiesRead, { records, notes: unread }, operator, nodes] = await Promise.all([
    readPolicies(cluster),
    readRecords(cluster, operatorNamespace),
    client.get<KubeObject>(pathOf({ kind: 'Namespace', name: operatorNamespace })).catch(orNone),
    listAll<Node>(client, pathOf({ kind: 'Node' })).catch(orNone),
  ])
  const notes = [...unread]
  const { objects, policiesUnread } = policiesRead
  if (policiesUnread !== undefined)
    notes.push(`the policies in the cluster cannot be read (${policiesUnread}): what they decide is unknown`)
  if (!operator) notes.push(`namespace ${operatorNamespace} cannot be read; assuming the operator is not paused`)
  const store = createRemediationCache(occupiesNode)
  for (const record of records) if (isInPlace(record, operatorNamespace)) store.put(record)
  return {
    ...policiesRead,
    ...admitAll(objects),
    records: store,
    paused: known(operator !== undefined && pauses(operator.metadata)),
    nodes: nodes ? known(nodes.items.map(nodeEntry)) : unknown('the right to list nodes is missing'),
    operatorNamespace,
    notes,
  }
}

/** The snapshot on which an incident is decided, with these policies in force. */
export const snapshotOf = (
  clusterState: ClusterState,
  policies: readonly PolicyInForce[],
  reservations: Reservations = createReservations(),
): ((incident: Incident, now: number) => Snapshot) => {
  const attempts = [
    ...clusterState.objects.map(attemptsOfPolicy),
    ...clusterState.records.all().map((record) => attemptsOfRecord(record)),
  ]
  return ({ key, area, owner }, now) =>
    takeSnapshot(
      { key, area, target: owner.ref },
      {
        policies,
        remediations: clusterState.records,
        attempts: mergeAttempts(attempts, now),
        reservations,
        nodes: clusterState.nodes,
        stale: [],
        operator: {
          namespace: clusterState.operatorNamespace,
          paused: clusterState.paused,
          // The flags of the controller that runs are not seen from here.
          maxActionsPerHour: FLAGS.maxActionsPerHour.default,
          stabilizationMs: FLAGS.stabilizationWindowMs.default,
        },
      },
      now,
    )
}

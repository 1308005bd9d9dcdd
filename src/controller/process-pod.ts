/** Assigns a pod or node that may be broken to the incidents of its owner and its node, or removes it from them. */
import { nodeRef, readNodeRef } from '../diagnose/node/facts.ts'
import { detectNodeFailures } from '../diagnose/node/findings.ts'
import { readOwner } from '../diagnose/owner/owner-chain.ts'
import { detectPodFailures } from '../diagnose/pod/findings.ts'
import type { KubeClient } from '../kube/client.ts'
import { notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { areaOfFinding, type IncidentArea, isNodeCause } from '../model/causes.ts'
import type { FailingPod } from '../model/incident.ts'
import type { ObjectRef, Pod } from '../model/kubernetes.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Pace } from '../runtime/pace.ts'
import type { RunResult } from '../runtime/workqueue.ts'
import { podKey, type PodRef } from '../model/pod.ts'
import type { Assignment } from './incidents.ts'
import type { State } from './state.ts'

export interface ProcessPodDeps {
  readonly client: KubeClient
  readonly clock: Clock
  readonly state: Pick<State, 'pods' | 'nodes' | 'incidents'>
  /** How often pods may be read that only Events report, by namespace: whoever may create Events can name any pod. */
  readonly readPace: Pace
  /** Adds an incident to the work queue. */
  readonly enqueue: (key: string) => void
}

/** The failures of a pod, from its status and its Warning Events. */
export const failuresOf = (pod: Pod, { pods }: Pick<State, 'pods'>, now: number): FailingPod =>
  detectPodFailures(pod, pods.get(podKey(pod.metadata))?.warnings ?? [], now)

/** Areas in which a pod fails now; empty for a healthy pod. */
export const failingAreas = (failing: FailingPod): readonly IncidentArea[] => [
  ...new Set(failing.findings.flatMap((finding) => areaOfFinding(finding) ?? [])),
]

export const createProcessPod =
  ({ client, clock, state, readPace, enqueue }: ProcessPodDeps) =>
  async (key: string): Promise<RunResult> => {
    const { pods, incidents } = state
    const recovered = (): void => incidents.recovered(key).forEach(enqueue)

    const entry = pods.get(key)
    if (!entry) return recovered()
    const waitMs = entry.pod ? 0 : readPace.waitMs(entry.ref.namespace, key)
    if (waitMs > 0) return { requeueAfterMs: waitMs }
    const pod = entry.pod ?? (await readPod(entry.ref, client))
    if (!pod || pod.metadata.deletionTimestamp !== undefined) {
      pods.forget(key)
      return recovered()
    }
    const failing = failuresOf(pod, state, clock.now())
    const areas = failingAreas(failing)
    if (areas.length === 0) {
      // Drop a pod that runs again, and its Events; a pod that is starting may still get more of them.
      if (!entry.pod) pods.forget(key)
      return recovered()
    }
    // The owner of a failing pod does not change, but its messages change with each Event and each back-off.
    const reassigned = incidents.reassign(failing, areas)
    if (reassigned) return reassigned.forEach(enqueue)
    const at = clock.monotonic()
    incidents.report(failing, await assignmentsOf(failing, areas, { client, state, at })).forEach(enqueue)
  }

/** The incidents of a failing pod: failures caused by the node are assigned to the node, the rest to its owner. */
const assignmentsOf = async (
  { pod }: FailingPod,
  areas: readonly IncidentArea[],
  { client, state, at }: Pick<ProcessPodDeps, 'client' | 'state'> & { readonly at: number },
): Promise<readonly Assignment[]> => {
  const ofNode = areas.filter(isNodeCause)
  const ofOwner = areas.filter((area) => !isNodeCause(area))
  const nodeName = pod.spec?.nodeName
  const [node, owner] = await Promise.all([
    ofNode.length > 0 && nodeName ? nodeNamed(nodeName, state, client) : undefined,
    ofOwner.length > 0 ? readOwner(pod, client) : undefined,
  ])
  return [
    ...(owner ? [{ target: owner.ref, areas: ofOwner, owner: { value: owner, at } }] : []),
    // The full node is read when its incident is decided on, once for all of its pods.
    ...(node ? [{ target: node, areas: ofNode }] : []),
  ]
}

/** A node by its name; undefined if it is gone or cannot be read. */
const nodeNamed = async (
  name: string,
  { nodes }: Pick<State, 'nodes'>,
  client: KubeClient,
): Promise<ObjectRef | undefined> => {
  // A broken watch may still report a node that has been recreated.
  const node = nodes.fact().known ? nodes.named(name) : undefined
  return node ? nodeRef(node) : readNodeRef(name, client)
}

/** Reads the current pod; undefined if it is gone or another pod has its name. */
export const readPod = async (
  { namespace, name, uid }: PodRef,
  client: Pick<KubeClient, 'get'>,
): Promise<Pod | undefined> => {
  try {
    const pod = await client.get<Pod>(pathOf({ kind: 'Pod', namespace, name }))
    return pod.metadata.uid === uid ? pod : undefined
  } catch (error) {
    if (notFound(error)) return undefined
    throw new Error(`reading pod ${namespace}/${name}`, { cause: error })
  }
}

export interface ProcessNodeDeps {
  readonly state: Pick<State, 'nodes' | 'incidents'>
  readonly enqueue: (key: string) => void
  readonly now: () => number
}

/**
 * Assigns a node to its incidents by its own conditions, or removes it from them. Performs no reads: everything needed is
 * watched. A runtime that does not respond causes no Event of any pod, so the condition is its only symptom.
 */
export const createProcessNode =
  ({ state: { nodes, incidents }, enqueue, now }: ProcessNodeDeps) =>
  (uid: string): void => {
    const node = nodes.get(uid)
    const failing = node && detectNodeFailures(node, now())
    const areas = failing ? failingAreas(failing) : []
    const keys =
      node && failing && areas.length > 0
        ? incidents.report(failing, [{ target: nodeRef(node), areas }])
        : incidents.recovered(uid)
    keys.forEach(enqueue)
  }

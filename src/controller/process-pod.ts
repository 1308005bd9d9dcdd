/** One pod, or one node, that may be broken: it is assigned to the incidents of its owner and its node, or leaves them. */
import { nodeRef, readNodeRef } from '../diagnose/node/facts.ts'
import { detectNodeFailures } from '../diagnose/node/findings.ts'
import { readOwner } from '../diagnose/owner/owner-chain.ts'
import { areaOfFinding } from '../diagnose/pod/findings.ts'
import type { KubeClient } from '../kube/client.ts'
import { notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { type IncidentArea, isNodeCause } from '../model/causes.ts'
import type { FailingPod } from '../model/incident.ts'
import type { ObjectRef, Pod } from '../model/kubernetes.ts'
import type { Clock } from '../runtime/clock.ts'
import type { PodRef } from '../watch/pod-cache.ts'
import type { Assignment } from './incidents.ts'
import { failuresOf, type State } from './state.ts'

export interface ProcessPodDeps {
  readonly client: KubeClient
  readonly clock: Clock
  readonly state: Pick<State, 'pods' | 'nodes' | 'incidents'>
  /** Adds an incident to the work queue. */
  readonly enqueue: (key: string) => void
}

/** Areas in which a pod fails now; empty for a healthy one. */
export const failingAreas = (failing: FailingPod): readonly IncidentArea[] => [
  ...new Set(failing.findings.flatMap((finding) => areaOfFinding(finding) ?? [])),
]

export const createProcessPod =
  ({ client, clock, state, enqueue }: ProcessPodDeps) =>
  async (uid: string): Promise<void> => {
    const { pods, incidents } = state
    const recovered = (): void => incidents.recovered(uid).forEach(enqueue)

    const entry = pods.get(uid)
    if (!entry) return recovered()
    const pod = entry.pod ?? (await readPod(entry.ref, client))
    if (!pod || pod.metadata.deletionTimestamp !== undefined) {
      pods.forget(uid)
      return recovered()
    }
    const failing = failuresOf(pod, state, clock.now())
    const areas = failingAreas(failing)
    if (areas.length === 0) {
      // A pod that runs again is forgotten with its Events; one that is only starting may still get more of them.
      if (!entry.pod) pods.forget(uid)
      return recovered()
    }
    // The owner of a pod does not change while it fails; its messages do, with each Event and each back-off.
    const reassigned = incidents.reassign(failing, areas)
    if (reassigned) return reassigned.forEach(enqueue)
    const at = clock.now()
    incidents.report(failing, await assignmentsOf(failing, areas, { client, state, at })).forEach(enqueue)
  }

/** The incidents that a failing pod belongs to: what its node causes goes to the node, the rest to its owner. */
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
    // The whole node is read when its incident is decided on, once for all of its pods.
    ...(node ? [{ target: node, areas: ofNode }] : []),
  ]
}

/** A node by its name; undefined where it is gone or cannot be seen. */
const nodeNamed = async (
  name: string,
  { nodes }: Pick<State, 'nodes'>,
  client: KubeClient,
): Promise<ObjectRef | undefined> => {
  // A watch that broke may show a node that was recreated since.
  const node = nodes.fact().known ? nodes.named(name) : undefined
  return node ? nodeRef(node) : readNodeRef(name, client)
}

/** Reads a pod as it is now; undefined where it is gone or another pod has its name. */
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
 * Assigns what a node's own condition says to its incidents, or removes it from them. Nothing is read: all that counts is
 * watched. A runtime that does not answer causes no Event of any pod, so this is the only sign of it.
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

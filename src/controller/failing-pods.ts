/**
 * Which pods fail now. Each pod or node that may be broken is assigned to the incidents of its owner and its node, or removed
 * from them; before an incident is decided, those that it has are checked.
 */
import type { Gather } from '../diagnose/gather.ts'
import { buildIncident } from '../diagnose/incident.ts'
import { listPodsOn, nodeRef, readNodeRef } from '../diagnose/node/facts.ts'
import { detectNodeFailures } from '../diagnose/node/findings.ts'
import { readOwner } from '../diagnose/owner/owner-chain.ts'
import { detectPodFailures } from '../diagnose/pod/findings.ts'
import type { KubeClient } from '../kube/client.ts'
import { notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { areaOfFinding, type IncidentArea, isNodeCause } from '../model/causes.ts'
import { type FactName, type FailingPod, incidentKey, type Owner } from '../model/incident.ts'
import type { ObjectRef, Pod } from '../model/kubernetes.ts'
import { podKey, type PodRef, podRefOf } from '../model/pod.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Pace } from '../runtime/pace.ts'
import type { RunResult } from '../runtime/workqueue.ts'
import { type Assignment, type OpenIncident, sinceFirst } from './incidents.ts'
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
const failingAreas = (failing: FailingPod): readonly IncidentArea[] => [
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

// The pods of one incident: the state in memory may predate their recovery, and is empty after a restart.

export interface FailingPodsDeps {
  readonly state: Pick<State, 'pods' | 'nodes' | 'incidents' | 'works'>
  /** Reads of pods that no watch covers. */
  readonly reads: PodReads
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
}

export interface PodReads {
  /** The current pod; undefined if it is gone or another pod has its name. */
  readonly pod: (ref: PodRef) => Promise<Pod | undefined>
  /** All current pods on a node. */
  readonly podsOn: (node: string) => Promise<readonly Pod[]>
}

/** A pod as named by a record. */
type NamedPod = Omit<PodRef, 'namespace'> & { readonly namespace?: string | undefined }

export const podReads = (client: KubeClient): PodReads => ({
  pod: (ref) => readPod(ref, client),
  podsOn: async (node) => {
    try {
      return await listPodsOn(node, client)
    } catch (error) {
      throw new Error(`listing the pods on node ${node}`, { cause: error })
    }
  },
})

/** Maximum of single reads per decision. With more pods, those of a node are listed, and those of a workload are read in rotation. */
const MAX_READ = 8

export const createFailingPods = ({ state, reads, clock }: FailingPodsDeps) => {
  const { pods: cache, nodes, incidents } = state
  const readAt = new WeakMap<FailingPod, number>()
  let count = 0

  const isWatched = ({ metadata }: Pod): boolean =>
    nodes.get(metadata.uid) !== undefined || (state.works('pods') && cache.get(podKey(metadata))?.pod !== undefined)

  const detected = (pod: Pod | undefined, area: IncidentArea): FailingPod | undefined => {
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return undefined
    const fresh = failuresOf(pod, state, clock.now())
    return failingAreas(fresh).includes(area) ? fresh : undefined
  }

  /** Current state of each pod; undefined if it no longer fails. Pods that were not read this time are missing. */
  const reread = async (
    { area, target }: OpenIncident,
    unwatched: readonly FailingPod[],
  ): Promise<ReadonlyMap<FailingPod, FailingPod | undefined>> => {
    if (isNodeCause(area) && unwatched.length > MAX_READ) {
      const there = new Map((await reads.podsOn(target.name)).map((pod) => [pod.metadata.uid, pod]))
      return new Map(unwatched.map((was) => [was, detected(there.get(was.pod.metadata.uid), area)]))
    }
    const next = unwatched.toSorted((a, b) => (readAt.get(a) ?? 0) - (readAt.get(b) ?? 0)).slice(0, MAX_READ)
    const pairs = next.map(async (was): Promise<readonly [FailingPod, FailingPod | undefined]> => {
      readAt.set(was, (count += 1))
      const failing = detected(await reads.pod(podRefOf(was.pod)), area)
      return [was, failing && sinceFirst(was, failing)]
    })
    return new Map(await Promise.all(pairs))
  }

  /** Reads pods until one of them fails, which is enough to decide again. */
  const confirmed = async (
    open: OpenIncident,
    pods: readonly FailingPod[],
  ): Promise<ReadonlyMap<FailingPod, FailingPod | undefined>> => {
    const read = new Map<FailingPod, FailingPod | undefined>()
    while (read.size < pods.length && ![...read.values()].some((pod) => pod !== undefined)) {
      const unread = pods.filter((pod) => !read.has(pod))
      for (const [was, failing] of await reread(open, unread)) read.set(was, failing)
    }
    return read
  }

  return {
    /**
     * The known failing pods, without those that have recovered. `confirm`: a pod counts as failing only if it was read
     * now, whatever a watch reports.
     */
    current: async (open: OpenIncident, { confirm }: { readonly confirm: boolean }): Promise<readonly FailingPod[]> => {
      const known = [...open.pods.values()]
      const believed = ({ pod }: FailingPod): boolean => isWatched(pod) && !(confirm && pod.kind !== 'Node')
      const unsure = known.filter((pod) => !believed(pod))
      const fresh = await (confirm ? confirmed : reread)(open, unsure)
      for (const [{ pod }, failing] of fresh) if (!failing) incidents.recovered(podKey(pod.metadata))
      return known
        .map((was) => (fresh.has(was) ? fresh.get(was) : confirm && !believed(was) ? undefined : was))
        .filter((pod) => pod !== undefined)
    },

    /**
     * The failing pods of an incident that was resumed from a record, after a restart or from another leader. Before it
     * concludes that nothing fails, it reads the owner's pods, or those on the node, once; if they cannot be listed, the
     * pod that the record names. Pods that fail in other areas are assigned to those; their keys are returned as well.
     */
    adopt: async (
      open: OpenIncident,
      owner: Owner,
      { named, gather }: { readonly named: readonly NamedPod[]; readonly gather: Gather },
    ): Promise<{ readonly pods: readonly FailingPod[]; readonly others: readonly string[] }> => {
      const began = clock.monotonic()
      const ofNode = isNodeCause(open.area)
      // A CronJob does not list Jobs that a person created from it.
      const fact: FactName = ofNode ? { fact: 'nodePods' } : { fact: 'pods', named }
      const facts = await gather(buildIncident({ owner, area: open.area, pods: [] }), [fact], { registry: {} })
      const found = ofNode ? facts.nodePods : facts.pods
      const pods = found?.known
        ? found.value
        : await Promise.all(named.map(({ namespace = '', name, uid }) => reads.pod({ namespace, name, uid })))
      const others: string[] = []
      for (const pod of pods) {
        const failing = pod && failuresOf(pod, state, clock.now())
        const areas = failing ? failingAreas(failing).filter((area) => isNodeCause(area) === ofNode) : []
        if (!failing || areas.length === 0) continue
        incidents.add(failing, { target: owner.ref, areas, owner: { value: owner, at: began } })
        others.push(...areas.map((area) => incidentKey(owner.ref, area)).filter((key) => key !== open.key))
      }
      incidents.checked(open.key)
      return { pods: [...(incidents.get(open.key)?.pods.values() ?? [])], others }
    },
  }
}

/** Determines which pods of an incident fail now: the state in memory may predate their recovery, and is empty after a restart. */
import { listPodsOn } from '../diagnose/node/facts.ts'
import { buildIncident } from '../diagnose/incident.ts'
import type { KubeClient } from '../kube/client.ts'
import { type IncidentArea, isNodeCause } from '../model/causes.ts'
import { type FactName, type FailingPod, incidentKey, type Owner } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { podKey, type PodRef, podRefOf } from '../model/pod.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Gather } from './evaluate.ts'
import { type OpenIncident, sinceFirst } from './incidents.ts'
import { failingAreas, failuresOf, readPod } from './process-pod.ts'
import type { State } from './state.ts'

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

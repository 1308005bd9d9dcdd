import { listPodsOn, nodeRef } from '../diagnose/node/facts.ts'
import { detectNodeFailures } from '../diagnose/node/findings.ts'
import { areaOfFinding } from '../diagnose/pod/findings.ts'
import type { KubeClient } from '../kube/client.ts'
import { notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { type IncidentArea, isNodeCause } from '../model/causes.ts'
import type { FailingPod, Owner } from '../model/incident.ts'
import type { ObjectRef, Pod } from '../model/kubernetes.ts'
import type { Nodes } from '../watch/node-cache.ts'
import type { PodCache, PodRef, WarningEvent } from '../watch/pod-cache.ts'
import type { Assignment, Incidents, OpenIncident } from './incidents.ts'

/** What a look at one pod needs. */
export interface ProcessPodDeps {
  readonly podCache: Pick<PodCache, 'get' | 'forget'>
  readonly incidents: Incidents
  /** The pod as it is now; undefined where it is gone or another pod has its name. */
  readonly readPod: (ref: PodRef) => Promise<Pod | undefined>
  /** Under what a pod that fails so is filed. */
  readonly file: (failing: FailingPod, areas: readonly IncidentArea[]) => Promise<readonly Assignment[]>
  readonly detectFailures: (pod: Pod, words: readonly WarningEvent[]) => FailingPod
  readonly enqueue: (key: string) => void
}

/** Areas in which a pod fails now; empty for a healthy one. */
export const failingAreas = (failing: FailingPod): readonly IncidentArea[] => [
  ...new Set(failing.findings.flatMap((finding) => areaOfFinding(finding) ?? [])),
]

/** Looks at one pod that may be broken and files it under the incidents of its owner and its node, or takes it out of them. */
export const createProcessPod =
  ({ podCache, incidents, readPod, file, detectFailures, enqueue }: ProcessPodDeps) =>
  async (uid: string): Promise<void> => {
    const recovered = (): void => incidents.recovered(uid).forEach(enqueue)

    const entry = podCache.get(uid)
    if (!entry) return recovered()
    const pod = entry.pod ?? (await readPod(entry.ref))
    if (!pod || pod.metadata.deletionTimestamp !== undefined) {
      podCache.forget(uid)
      return recovered()
    }
    const failing = detectFailures(pod, entry.words)
    const areas = failingAreas(failing)
    if (areas.length === 0) {
      // A pod that runs again is forgotten with its words; one that is only starting may still say more.
      if (!entry.pod) podCache.forget(uid)
      return recovered()
    }
    // Who owns a pod does not change while it fails; what it says does, with each Event and each back-off.
    const assigned = incidents.reassign(failing, areas)
    if (assigned) return assigned.forEach(enqueue)
    incidents.report(failing, await file(failing, areas)).forEach(enqueue)
  }

export interface AssignDeps {
  readonly readOwner: (pod: Pod) => Promise<Owner>
  /** A node by its name; undefined where it is gone or cannot be seen. */
  readonly nodeNamed: (name: string) => Promise<ObjectRef | undefined>
  readonly now: () => number
}

/** Answers under what a pod that fails in these areas is filed: what lies with its node under the node, the rest under its owner. */
export const createAssignPod =
  ({ readOwner, nodeNamed, now }: AssignDeps) =>
  async ({ pod }: FailingPod, areas: readonly IncidentArea[]): Promise<readonly Assignment[]> => {
    const ofNode = areas.filter(isNodeCause)
    const ofOwner = areas.filter((area) => !isNodeCause(area))
    const nodeName = pod.spec?.nodeName
    const at = now()
    const [node, owner] = await Promise.all([
      ofNode.length > 0 && nodeName ? nodeNamed(nodeName) : undefined,
      ofOwner.length > 0 ? readOwner(pod) : undefined,
    ])
    return [
      ...(owner ? [{ target: owner.ref, areas: ofOwner, owner: { value: owner, at } }] : []),
      // A node is read when it is decided on: thousands of its bytes say nothing of the one pod.
      ...(node ? [{ target: node, areas: ofNode }] : []),
    ]
  }

export interface ProcessNodeDeps {
  readonly nodes: Pick<Nodes, 'get'>
  readonly incidents: Pick<Incidents, 'report' | 'recovered'>
  readonly enqueue: (key: string) => void
  readonly now: () => number
}

/**
 * Files what a node says of itself, or takes it out of its incidents. Nothing is read: all that counts was watched. A
 * runtime that does not answer makes no pod's Event, so this is the only sign of it.
 */
export const createProcessNode =
  ({ nodes, incidents, enqueue, now }: ProcessNodeDeps) =>
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

/** Reads a pod as it is now; undefined where it is gone or another pod has its name. */
export const createReadPod =
  (client: Pick<KubeClient, 'get'>) =>
  async ({ namespace, name, uid }: PodRef): Promise<Pod | undefined> => {
    try {
      const pod = await client.get<Pod>(pathOf({ kind: 'Pod', namespace, name }))
      return pod.metadata.uid === uid ? pod : undefined
    } catch (error) {
      if (notFound(error)) return undefined
      throw new Error(`reading pod ${namespace}/${name}`, { cause: error })
    }
  }

/** Lists every pod on a node as it is now: one request, bounded by the node. */
export const createReadPodsOn =
  (client: Pick<KubeClient, 'list'>) =>
  async (node: string): Promise<readonly Pod[]> => {
    try {
      return await listPodsOn(node, client)
    } catch (error) {
      throw new Error(`listing the pods on node ${node}`, { cause: error })
    }
  }

export interface StillFailingDeps {
  readonly incidents: Pick<Incidents, 'recovered'>
  /** Failing pods, or the node itself, whose object a watch keeps current; the others are read anew. */
  readonly watched: (podUid: string) => boolean
  /** The pod as it is now; undefined where it is gone or another pod has its name. */
  readonly readPod: (ref: PodRef) => Promise<Pod | undefined>
  /** Every pod on a node, as it is now. */
  readonly readPodsOn: (node: string) => Promise<readonly Pod[]>
  readonly detectFailures: (pod: Pod) => FailingPod
}

/** Pods read one by one for one decision. Of a node with more of them all are listed; those of a workload take turns. */
const MAX_READ = 8

const refOf = ({ metadata }: Pod): PodRef => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
})

/** Which pods of an incident fail now: what memory has of them may be older than their recovery. */
export const createStillFailing = (deps: StillFailingDeps) => {
  const readAt = new WeakMap<FailingPod, number>()
  let reads = 0

  const detected = (pod: Pod | undefined, area: IncidentArea): FailingPod | undefined => {
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return undefined
    const fresh = deps.detectFailures(pod)
    return failingAreas(fresh).includes(area) ? fresh : undefined
  }

  /** Those that are read anew, each as it is now; undefined where it fails no more. */
  const reread = async (
    { area, target }: OpenIncident,
    unwatched: readonly FailingPod[],
  ): Promise<ReadonlyMap<FailingPod, FailingPod | undefined>> => {
    if (isNodeCause(area) && unwatched.length > MAX_READ) {
      const there = new Map((await deps.readPodsOn(target.name)).map((pod) => [pod.metadata.uid, pod]))
      return new Map(unwatched.map((was) => [was, detected(there.get(was.pod.metadata.uid), area)]))
    }
    const next = unwatched.toSorted((a, b) => (readAt.get(a) ?? 0) - (readAt.get(b) ?? 0)).slice(0, MAX_READ)
    const pairs = next.map(async (was): Promise<readonly [FailingPod, FailingPod | undefined]> => {
      readAt.set(was, (reads += 1))
      return [was, detected(await deps.readPod(refOf(was.pod)), area)]
    })
    return new Map(await Promise.all(pairs))
  }

  return async (open: OpenIncident): Promise<readonly FailingPod[]> => {
    const known = [...open.pods.values()]
    const fresh = await reread(
      open,
      known.filter(({ pod }) => !deps.watched(pod.metadata.uid)),
    )
    for (const [{ pod }, now] of fresh) if (!now) deps.incidents.recovered(pod.metadata.uid)
    return known.map((was) => (fresh.has(was) ? fresh.get(was) : was)).filter((pod) => pod !== undefined)
  }
}

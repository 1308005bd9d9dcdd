import { type IncidentArea, isNodeCause } from '../api/causes.ts'
import type { Pod } from '../api/kubernetes.ts'
import type { FailingPod } from '../diagnose/incident.ts'
import type { PodRef } from '../watch/sighting.ts'
import { failingAreas } from './look.ts'
import type { Incidents, OpenIncident } from './incidents.ts'

export interface StillFailingDeps {
  readonly incidents: Pick<Incidents, 'recovered'>
  /** Failing pods, or the node itself, whose object a watch keeps current; the others are read anew. */
  readonly watched: (podUid: string) => boolean
  /** The pod as it is now; undefined where it is gone or another pod has its name. */
  readonly readPod: (ref: PodRef) => Promise<Pod | undefined>
  /** Every pod on a node, as it is now. */
  readonly readPodsOn: (node: string) => Promise<readonly Pod[]>
  readonly examine: (pod: Pod) => FailingPod
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

  const examined = (pod: Pod | undefined, area: IncidentArea): FailingPod | undefined => {
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return undefined
    const fresh = deps.examine(pod)
    return failingAreas(fresh).includes(area) ? fresh : undefined
  }

  /** Those that are read anew, each as it is now; undefined where it fails no more. */
  const reread = async (
    { area, target }: OpenIncident,
    unwatched: readonly FailingPod[],
  ): Promise<ReadonlyMap<FailingPod, FailingPod | undefined>> => {
    if (isNodeCause(area) && unwatched.length > MAX_READ) {
      const there = new Map((await deps.readPodsOn(target.name)).map((pod) => [pod.metadata.uid, pod]))
      return new Map(unwatched.map((was) => [was, examined(there.get(was.pod.metadata.uid), area)]))
    }
    const next = unwatched.toSorted((a, b) => (readAt.get(a) ?? 0) - (readAt.get(b) ?? 0)).slice(0, MAX_READ)
    const pairs = next.map(async (was): Promise<readonly [FailingPod, FailingPod | undefined]> => {
      readAt.set(was, (reads += 1))
      return [was, examined(await deps.readPod(refOf(was.pod)), area)]
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

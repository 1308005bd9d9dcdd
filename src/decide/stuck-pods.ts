/** Pods of Jobs that wait with an image of before: no edit of a template reaches them, so they are given it themselves. */
import { sameImage } from '../api/image-reference.ts'
import type { Pod } from '../api/kubernetes.ts'
import { isLeaving, statusIn, waits } from './pod.ts'
import { type Named, placeInPod } from './template.ts'
import type { ImageEdit, PlacedChange } from './verdict.ts'

/**
 * A CronJob that allows it may have thousands of Jobs waiting; to let go of all of them at once would be an outage of
 * its own. The newest first, the others by the next attempt, as the policy's limits let it.
 */
const MAX_MENDED = 64

export type IsDue = (pod: Pod, named: Named) => boolean

/** It is known to fail, or has never started the container. */
export const failingOrNew =
  (failing: ReadonlySet<string>): IsDue =>
  (pod, named) =>
    failing.has(pod.metadata.uid) || (waits(pod, named) && !statusIn(pod, named)?.restartCount)

/** Of these pods alone, and only while the container waits: what runs or ended is not started anew to be taken back. */
export const waitingAmong =
  (uids: ReadonlySet<string>): IsDue =>
  (pod, named) =>
    uids.has(pod.metadata.uid) && waits(pod, named)

const editOf = (pod: Pod, changes: readonly PlacedChange[], isDue: IsDue): readonly ImageEdit[] => {
  const { name, namespace, uid, resourceVersion, annotations = {} } = pod.metadata
  const mine = changes.flatMap((change): readonly PlacedChange[] => {
    const place = placeInPod(pod, change)
    if (!place || !sameImage(place.image, change.from) || !isDue(pod, change)) return []
    return [{ ...change, pointer: place.pointer, was: place.image }]
  })
  if (mine.length === 0) return []
  const target = { apiVersion: 'v1', kind: 'Pod', name, uid, ...(namespace !== undefined && { namespace }) }
  return [{ target, resourceVersion, annotations, changes: mine }]
}

const createdAt = ({ metadata }: Pod): string => metadata.creationTimestamp ?? ''

/** The edits of those pods that have a change's image of before and are due, newest first. */
export const podEdits = (pods: readonly Pod[], changes: readonly PlacedChange[], isDue: IsDue): readonly ImageEdit[] =>
  pods
    .filter((pod) => !isLeaving(pod) && pod.status?.phase !== 'Succeeded')
    .toSorted((a, b) => createdAt(b).localeCompare(createdAt(a)) || a.metadata.uid.localeCompare(b.metadata.uid))
    .flatMap((pod) => editOf(pod, changes, isDue))
    .slice(0, MAX_MENDED)

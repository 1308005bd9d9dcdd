/** Whether pods run the new images. Pods of Jobs were patched themselves; they end, and may be deleted after that. */
import type { RemediationStep } from '../../api/remediation.ts'
import { type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { parseTime } from '../../model/duration.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { imageIn, isLeaving, nameOfOwner, placeOf, sayWriter, waits } from '../pod-template.ts'
import type { Ended, Progress } from '../remedy.ts'
import { allStarted, runNewImages, running, type Started, withOwnersPods } from '../running-pods.ts'

const cancelled = (reason: string, message: string): Ended => ({ outcome: 'Cancelled', reason, message })

export const verify = (c: DecisionInput, inProgress: InProgress): Progress => {
  if (nodeCauseOf(c) !== undefined) return cancelled('TemplateDiffers', 'the node fails, not an image')
  const { step } = inProgress
  const { owner } = c.incident
  const changedBack = templateChangedBack(owner, step)
  if (changedBack) return changedBack
  return withOwnersPods(c, inProgress, (pods) => {
    const taken = wrotePodsOnly(owner, step) ? takenBackIn(pods, step) : undefined
    if (taken) return cancelled('EditReverted', `someone reverted pod ${taken.metadata.name} of ${nameOfOwner(owner)}`)
    if (!owner.patchesPods) {
      return running(owner, runNewImages(pods, owner.replicas, step.changes ?? [], owner.keepsHealthyPods === true))
    }
    const started = patchedPodsRun(owner, pods, step)
    if (!('vanished' in started)) return running(owner, started)
    // The next Job may verify it in time; without one, the outcome is neither a success nor a failure.
    return { lacks: started.vanished, atDeadline: cancelled('OwnerGone', started.vanished) }
  })
}

/** The template no longer has our image: someone reverted it, by hand or by `kubectl mend undo`. */
const templateChangedBack = (owner: Owner, step: RemediationStep): Ended | undefined => {
  if (wrotePodsOnly(owner, step)) return undefined
  const change = step.changes?.find((one) => !sameImage(placeOf(owner, one)?.image ?? '', one.to))
  if (!change) return undefined
  const image = placeOf(owner, change)?.image ?? 'nothing'
  const message = `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} from ${change.to} to ${image}`
  return cancelled('EditReverted', message)
}

const ofLongAgo: Started = { since: Number.NEGATIVE_INFINITY }

/** A Job's times are whole seconds, rounded down. */
const completedSince = ({ lastSuccessAt }: Owner, step: RemediationStep): boolean => {
  const actedAt = parseTime(step.actedAt) ?? parseTime(step.intendedAt)
  return lastSuccessAt !== undefined && actedAt !== undefined && lastSuccessAt >= Math.floor(actedAt / 1_000) * 1_000
}

/** Nothing is left that could verify it. */
interface Vanished {
  readonly vanished: string
}

/** A patched pod that waits with the previous image: someone reverted it. */
const takenBackIn = (pods: readonly Pod[], step: RemediationStep): Pod | undefined => {
  const named = uidsOf(step)
  return pods.find(
    (pod) =>
      named.has(pod.metadata.uid) &&
      !isLeaving(pod) &&
      step.changes?.some((change) => sameImage(imageIn(pod, change) ?? '', change.from) && waits(pod, change)),
  )
}

/** Whether a step wrote images to pods of Jobs and to no template: it then names no target. */
export const wrotePodsOnly = (owner: Owner, { changes, target }: RemediationStep): boolean =>
  changes !== undefined && (owner.templateFixed === true || (owner.patchesPods === true && target === undefined))

export const uidsOf = ({ pods }: RemediationStep): ReadonlySet<string> => new Set(pods?.map(({ uid }) => uid))

/** It started with the previous image before it could be patched, which proves nothing. */
const startedBefore = (pod: Pod, changes: NonNullable<RemediationStep['changes']>): boolean =>
  changes.length > 0 &&
  changes.every((change) => sameImage(imageIn(pod, change) ?? '', change.from) && !waits(pod, change))

/**
 * The patched pods run the image or succeeded with it. If none of them is left, a newer pod of the owner with the new
 * image also counts, and so does a Job that completed after the write.
 */
const patchedPodsRun = (owner: Owner, all: readonly Pod[], step: RemediationStep): Started | Vanished => {
  const changes = step.changes ?? []
  const named = uidsOf(step)
  const patched = all.filter(
    (pod) =>
      named.has(pod.metadata.uid) && pod.metadata.deletionTimestamp === undefined && !startedBefore(pod, changes),
  )
  if (patched.length > 0) {
    const failed = patched.find(isLeaving)
    if (failed) return { lacks: `pod ${failed.metadata.name} failed` }
    const behind = patched.find((pod) => !changes.some((change) => sameImage(imageIn(pod, change) ?? '', change.to)))
    if (behind) return { lacks: `pod ${behind.metadata.name} does not have the new image` }
    return allStarted(patched, 1, (pod) => changes.filter((change) => sameImage(imageIn(pod, change) ?? '', change.to)))
  }
  if (completedSince(owner, step)) return ofLongAgo
  const others = all.filter((pod) => !isLeaving(pod))
  const starts = others
    .filter((pod) => changes.every((change) => sameImage(imageIn(pod, change) ?? '', change.to)))
    .map((pod) => allStarted([pod], 1, () => changes))
  const since = Math.min(...starts.flatMap((start) => ('since' in start ? start.since : [])))
  if (since !== Number.POSITIVE_INFINITY) return { since }
  const lacking = starts.find((start) => 'lacks' in start)
  if (lacking) return lacking
  const [other] = others
  if (other) return { lacks: `pod ${other.metadata.name} does not have the new image` }
  const next = owner.templateFixed ? '' : '; the next Job starts with the new image'
  return { vanished: `no pod of ${nameOfOwner(owner)} is left to verify it${next}` }
}

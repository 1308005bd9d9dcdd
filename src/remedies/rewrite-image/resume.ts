/** The rest of a rewrite or undo that was begun. */
import type { ImageChange, RemediationStep } from '../../api/remediation.ts'
import { askFor, type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Owner } from '../../model/incident.ts'
import type { Container, Pod } from '../../model/kubernetes.ts'
import { ORIGINAL_IMAGE_ANNOTATION } from '../../model/names.ts'
import type { PlacedChange, Verdict } from '../../model/plan.ts'
import {
  type InProgress,
  isUndo,
  podsOf,
  policyRefOf,
  readOriginals,
  readReverted,
  recordedAt,
} from '../../model/remediation-state.ts'
import { imageIn, type Named, nameOfOwner, placeOf, sayWriter, writtenAfter } from '../pod-template.ts'
import { type Left, type LeftOfUndo, UNWRITTEN } from '../remedy.ts'
import { originalsAfter } from './json-patch.ts'
import {
  leavesAllAsIs,
  type OnPods,
  podEdits,
  podsToPatch,
  rewriteImagePlan,
  type RewriteImagePlan,
  waitingAmong,
} from './plan.ts'
import { uidsOf, wrotePodsOnly } from './verify.ts'

const changedBy = (owner: Owner, change: Named, reason: 'TemplateDiffers' | 'EditReverted', now: number) => ({
  kind: 'Verify' as const,
  outcome: 'Cancelled' as const,
  reason,
  message:
    reason === 'EditReverted'
      ? `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} back after it was written`
      : `started but not written: ${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} in the meantime`,
  requeueAt: now,
})

/**
 * The image from before the step is in place because someone put it back, not because it was never written. The
 * managedFields of workload and record tell, both by the API server's clock; if their times are too close, the annotations
 * do, which are written in one patch with the image.
 */
const wasTakenBack = (owner: Owner, change: ImageChange, { record, step }: InProgress): boolean => {
  const since = writtenAfter(owner, change, recordedAt(record, step))
  if (since !== undefined || isUndo(step)) return since === true
  return [readOriginals, readReverted].some((read) =>
    sameImage(read(owner.annotations)[change.container] ?? '', change.from),
  )
}

/** A recorded step's changes, adapted to the current owner; the end of the step if someone has changed the image since. */
const changesNow = (
  c: DecisionInput,
  inProgress: InProgress,
): readonly PlacedChange[] | Extract<Verdict, { kind: 'Verify' }> => {
  const { step } = inProgress
  const { owner } = c.incident
  const changes: PlacedChange[] = []
  for (const change of step.changes ?? []) {
    const place = placeOf(owner, change)
    const isBefore = place !== undefined && sameImage(place.image, change.from)
    if (!place || !(isBefore || sameImage(place.image, change.to)))
      return changedBy(owner, change, 'TemplateDiffers', c.now)
    if (isBefore && !wrotePodsOnly(owner, step) && wasTakenBack(owner, change, inProgress))
      return changedBy(owner, change, 'EditReverted', c.now)
    changes.push({ ...change, pointer: place.pointer, was: place.image })
  }
  return changes
}

/** Without a template, checks one of the pods to patch. */
const podsHaveIt = (pods: readonly Pod[], step: RemediationStep): boolean => {
  const named = uidsOf(step)
  return pods.some(
    (pod) =>
      named.has(pod.metadata.uid) && step.changes?.some((change) => sameImage(imageIn(pod, change) ?? '', change.to)),
  )
}

/** A pod that was patched, as its annotation tells, and has the image from before again. */
const podTakenBack = (pods: readonly Pod[], step: RemediationStep): Pod | undefined => {
  const named = uidsOf(step)
  return pods.find(
    (pod) =>
      named.has(pod.metadata.uid) &&
      step.changes?.some(
        ({ container, init, from }) =>
          sameImage(imageIn(pod, { container, init }) ?? '', from) &&
          sameImage(readOriginals(pod.metadata.annotations)[container] ?? '', from),
      ),
  )
}

/** The undo annotation is written in one patch with the images: without those, it would show a rewrite that was reverted. */
const annotationsBefore = ({ annotations }: Owner, changes: readonly PlacedChange[]): Owner['annotations'] => {
  const { [ORIGINAL_IMAGE_ANNOTATION]: _, ...others } = annotations
  const undone = changes.map((change) => ({ ...change, was: change.to, to: change.from }))
  const originals = originalsAfter(readOriginals(annotations), undone)
  return Object.keys(originals).length === 0
    ? others
    : { ...others, [ORIGINAL_IMAGE_ANNOTATION]: JSON.stringify(originals) }
}

/** The owner as it was before the step was written. */
const ownerBefore = (owner: Owner, changes: readonly PlacedChange[]): Owner => {
  const before = (containers: readonly Container[], isInit: boolean): readonly Container[] =>
    containers.map((container) => {
      const change = changes.find(({ container: name, init }) => name === container.name && init === isInit)
      return change ? { ...container, image: change.from } : container
    })
  return {
    ...owner,
    annotations: annotationsBefore(owner, changes),
    containers: before(owner.containers, false),
    initContainers: before(owner.initContainers, true),
  }
}

const sameChanges = (a: readonly ImageChange[], b: readonly ImageChange[]): boolean =>
  a.length === b.length &&
  a.every((one) =>
    b.some(
      ({ container, init, from, to }) =>
        container === one.container && init === one.init && from === one.from && to === one.to,
    ),
  )

/** Today's plan without the template, which has the images already, and with no other pods than those of the record. */
const restOf =
  (c: DecisionInput, step: RemediationStep, changes: readonly PlacedChange[]) =>
  (today: RewriteImagePlan): RewriteImagePlan | undefined => {
    if (!sameChanges(today.changes, changes)) return undefined
    const named = uidsOf(step)
    const thenDelete = today.thenDelete.filter(({ uid }) => named.has(uid))
    const thenPatch = today.thenPatch.filter(({ target }) => named.has(target.uid))
    if (thenDelete.length + thenPatch.length === 0) return undefined
    const { index, timeoutMs, podsOnly } = today
    const at = { index, timeoutMs, generation: 0 }
    const rest = rewriteImagePlan(c.incident.owner, at, changes, {
      thenDelete,
      thenPatch,
      ...(podsOnly && { podsOnly }),
    })
    return { ...rest, hash: step.planHash }
  }

/** What is left of a rewrite: its template, or pods that their controller would leave in place. */
export const resume = (c: DecisionInput, inProgress: InProgress): Left<RewriteImagePlan> => {
  const { owner, pods: failing } = c.incident
  const { step } = inProgress
  if (nodeCauseOf(c) !== undefined) return { unseen: 'the node fails, not an image' }
  const needsPods = owner.keepsBrokenPods || owner.patchesPods === true
  const ask = needsPods ? askFor(c.facts, [podsOf(inProgress)]) : undefined
  if (ask) return ask
  const { pods: seen } = c.facts
  if (needsPods && !seen?.known) return { unseen: seen?.why ?? 'the pods were not read' }
  const changes = changesNow(c, inProgress)
  if ('kind' in changes) return changes
  const pods = seen?.known ? seen.value : []
  const podsOnly = wrotePodsOnly(owner, step)
  const taken = podsOnly ? podTakenBack(pods, step) : undefined
  if (taken) {
    const message = `someone changed pod ${taken.metadata.name} of ${nameOfOwner(owner)} back after it was written`
    return { kind: 'Verify', outcome: 'Cancelled', reason: 'EditReverted', message, requeueAt: c.now }
  }
  const written = podsOnly ? podsHaveIt(pods, step) : changes.every(({ was, to }) => sameImage(was, to))
  if (!written) return UNWRITTEN
  const uids = new Set(failing.map(({ pod }) => pod.metadata.uid))
  const { thenDelete, thenPatch } = podsToPatch(owner, pods, uids, changes)
  return {
    written,
    complete: thenDelete.length + thenPatch.length === 0,
    ...(!podsOnly && { before: { ...c, incident: { ...c.incident, owner: ownerBefore(owner, changes) } } }),
    rest: restOf(c, step, changes),
  }
}

/** The patched pods that still wait: an undo does not restart running or finished pods. */
const podsToTakeBack = (
  { incident: { owner }, facts: { pods } }: DecisionInput,
  step: RemediationStep,
  changes: readonly PlacedChange[],
): OnPods => ({
  ...(wrotePodsOnly(owner, step) && { podsOnly: true }),
  thenPatch: owner.patchesPods && pods?.known ? podEdits(pods.value, changes, waitingAmong(uidsOf(step))) : [],
})

const undoStep = ({ step, record }: InProgress) => ({
  index: step.index,
  generation: policyRefOf(record).generation,
  timeoutMs: 0,
})

/** The undo of everything that is still as we wrote it. */
export const undoPlan = (c: DecisionInput, inProgress: InProgress): RewriteImagePlan => {
  const { step } = inProgress
  const { owner } = c.incident
  const changes = (step.changes ?? []).flatMap(({ container, init, from, to }): readonly PlacedChange[] => {
    const place = placeOf(owner, { container, init })
    return place ? [{ container, init, from: to, to: from, pointer: place.pointer, was: place.image }] : []
  })
  return rewriteImagePlan(owner, undoStep(inProgress), changes, podsToTakeBack(c, step, changes))
}

export const resumeUndo = (c: DecisionInput, inProgress: InProgress): LeftOfUndo<RewriteImagePlan> => {
  const { step } = inProgress
  const { owner } = c.incident
  const changes = changesNow(c, inProgress)
  if ('kind' in changes) return changes
  const ask = owner.patchesPods ? askFor(c.facts, [podsOf(inProgress)]) : undefined
  if (ask) return ask
  const { pods } = c.facts
  // Pods that could not be read may still have our image, so do not report an undo.
  if (owner.patchesPods && !pods?.known) return { unseen: pods?.why ?? 'not read' }
  const base = rewriteImagePlan(owner, undoStep(inProgress), changes, podsToTakeBack(c, step, changes))
  const plan = { ...base, hash: step.planHash }
  const complete = leavesAllAsIs(plan)
  return { plan, complete }
}

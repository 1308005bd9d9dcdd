/** The rest of a rewrite or undo that was begun. */
import type { RemediationStep } from '../../api/remediation.ts'
import { askFor, type DecisionInput, nodeCauseOf, type PolicyInForce } from '../../model/decision-input.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { PlacedChange, Verdict } from '../../model/plan.ts'
import { type InProgress, podsOf, policyRefOf } from '../../model/remediation-state.ts'
import { imageIn, nameOfOwner, placeOf, sayWriter } from '../pod-template.ts'
import { type Left, stepBase } from '../remedy.ts'
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

/** A recorded step's changes, adapted to the current owner; cancelled if it has neither the old nor the new image. */
const changesNow = (
  c: DecisionInput,
  { step }: InProgress,
): readonly PlacedChange[] | Extract<Verdict, { kind: 'Verify' }> => {
  const { owner } = c.incident
  const changes: PlacedChange[] = []
  for (const change of step.changes ?? []) {
    const place = placeOf(owner, change)
    if (!place || !(sameImage(place.image, change.from) || sameImage(place.image, change.to))) {
      const message = `started but not written: ${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} in the meantime`
      return { kind: 'Verify', outcome: 'Cancelled', reason: 'TemplateDiffers', message, requeueAt: c.now }
    }
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

/**
 * The recorded plan, adapted to the current owner: a change that was already written has `was` equal to `to`, and pods
 * that are gone are omitted.
 */
export const resume = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Left<RewriteImagePlan> => {
  const { owner, pods: failing } = c.incident
  const { step, record } = inProgress
  if (nodeCauseOf(c) !== undefined) return { unseen: 'the node fails, not an image' }
  const needsPods = owner.keepsBrokenPods || owner.patchesPods === true
  const ask = needsPods ? askFor(c.facts, [podsOf(inProgress)]) : undefined
  if (ask) return ask
  const { pods: seen } = c.facts
  if (needsPods && !seen?.known) return { unseen: seen?.why ?? 'the pods were not read' }
  const changes = changesNow(c, inProgress)
  if ('kind' in changes) return changes
  const uids = new Set(failing.map(({ pod }) => pod.metadata.uid))
  const pods = seen?.known ? seen.value : []
  const { index, hash, timeoutMs } = stepBase(c, inProgress, policy)
  const podsOnly = wrotePodsOnly(owner, step)
  const left = { ...podsToPatch(owner, pods, uids, changes), ...(podsOnly && { podsOnly }) }
  const { generation } = policyRefOf(record)
  const plan = { ...rewriteImagePlan(owner, { index, generation, timeoutMs }, changes, left), hash }
  const written = podsOnly ? podsHaveIt(pods, step) : changes.every(({ was, to }) => sameImage(was, to))
  return { plan, written, complete: leavesAllAsIs(plan) }
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

export const resumeUndo = (c: DecisionInput, inProgress: InProgress): Left<RewriteImagePlan> => {
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
  return { plan, written: complete, complete }
}

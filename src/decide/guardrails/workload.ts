/** Guardrails on whether an edit would reach the broken pods. */
import type { RemediationStep } from '../../api/remediation.ts'
import { LATER, RARELY } from '../../model/decision-input.ts'
import { sameImage } from '../../model/image-reference.ts'
import { ORIGINAL_IMAGE_ANNOTATION } from '../../model/names.ts'
import { isUndo, policyOfStep, readOriginals, tookBack, type Tried, triedSteps } from '../../model/remediation-state.ts'
import { nameOfOwner, placeOf, sayUntouched, sayWriter } from '../../remedies/pod-template.ts'
import { uidsOf, wrotePodsOnly } from '../../remedies/rewrite-image/verify.ts'
import type { Context, Guardrail, Objection } from './guardrail.ts'
import { notReady } from './nodes.ts'

/** The failing container differs from the owner's template: an injected sidecar, a webhook's rewrite, a repaired revision. */
export const templateDiffers: Guardrail = ({ case: { now }, noPlan }) =>
  noPlan?.reason === 'TemplateDiffers'
    ? { reason: 'TemplateDiffers', message: noPlan.message, requeueAt: now + LATER }
    : undefined

export const rolloutBlocked: Guardrail = (context) => {
  const { case: c, noPlan } = context
  const { now, incident } = c
  const unready = notReady(context)
  if (unready !== undefined) return { reason: 'RolloutBlocked', message: unready, requeueAt: now + LATER }
  const { owner } = incident
  const message =
    sayUntouched(owner) ?? owner.blocked ?? (noPlan?.reason === 'RolloutBlocked' ? noPlan.message : undefined)
  return message === undefined ? undefined : { reason: 'RolloutBlocked', message, requeueAt: now + RARELY }
}

/** Helm alone does not hold: it writes only at its next upgrade, and the record states the permanent fix. */
export const managedElsewhere: Guardrail = ({ case: { now, incident }, policy }) => {
  if (policy.spec.managedWorkloads === 'Act') return undefined
  const manager = incident.owner.managers.find(({ writesBack }) => writesBack)
  if (!manager) return undefined
  const message = `${manager.name} manages ${nameOfOwner(incident.owner)} and would revert the change (${manager.seenBy}); change it at the source: ${manager.editAt}`
  return { reason: 'ManagedElsewhere', message, requeueAt: now + RARELY }
}

type Change = NonNullable<RemediationStep['changes']>[number]

/** We wrote it, and no recorded undo of ours reverted it. */
const stands = ({ record, step }: Tried): boolean =>
  (step.state === 'Done' || step.state === 'Succeeded' || step.state === 'Ineffective') &&
  !isUndo(step) &&
  !record.status?.steps?.some((later) => tookBack(later, step))

/**
 * The change of a step that was reverted: its `from` image is back and fails. If the step wrote to no template, only the
 * pods count that it patched.
 */
const takenBack = ({ case: { incident }, matched }: Context, { step }: Tried): Change | undefined =>
  step.changes?.find((change) => {
    const image = placeOf(incident.owner, change)?.image
    if (image === undefined || !sameImage(image, change.from)) return false
    const uids = wrotePodsOnly(incident.owner, step) ? uidsOf(step) : undefined
    return matched.some(
      ({ failing, finding }) =>
        (uids === undefined || uids.has(failing.pod.metadata.uid)) &&
        finding.container === change.container &&
        finding.init === change.init &&
        sameImage(finding.image, change.from),
    )
  })

/** How a person can allow another attempt: only an existing policy can be changed, and the annotation outlives the record. */
const wayOut = (context: Context, { record, step }: Tried): string => {
  const { name, uid } = policyOfStep(record, step)
  const change = context.case.policies.some((policy) => policy.uid === uid) ? `change policy ${name} or ` : ''
  const marked = revertedLongAgo(context) ? ` and remove annotation ${ORIGINAL_IMAGE_ANNOTATION}` : ''
  return `to try again, ${change}delete Remediation ${record.metadata.name}${marked}`
}

/**
 * Our value was reverted, by someone who knows better or does not know about us; do not overwrite it again. Holds for
 * every policy until a person changes the policy that wrote it (another may have created the record, and another may
 * apply now) or deletes the record. Our own undo of an ineffective remedy is on the record and is not a revert;
 * `kubectl mend undo` is one.
 */
export const editReverted: Guardrail = (context) => {
  const { case: c } = context
  const written = triedSteps(c).filter(stands)
  for (const tried of written) {
    const by = policyOfStep(tried.record, tried.step)
    const lifted = c.policies.some(({ uid, generation }) => uid === by.uid && generation !== by.generation)
    const change = lifted ? undefined : takenBack(context, tried)
    if (!change) continue
    const { owner } = c.incident
    const message =
      `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} back from ${change.to} to ${change.from}; ` +
      wayOut(context, tried)
    return { reason: 'EditReverted', message, requeueAt: c.now + RARELY }
  }
  return written.length > 0 ? undefined : revertedLongAgo(context)
}

/**
 * The record of the rewrite has expired or was deleted, but the workload's own undo annotation shows that the failing
 * image was rewritten once and put back by hand.
 */
const revertedLongAgo = ({ case: { incident, now }, matched }: Context): Objection | undefined => {
  const { owner } = incident
  const originals = readOriginals(owner.annotations)
  const found = matched.find(({ finding: { container, init, image } }) => {
    const original = originals[container]
    const place = placeOf(owner, { container, init })
    return original !== undefined && sameImage(original, image) && place !== undefined && sameImage(place.image, image)
  })
  if (!found) return undefined
  const { finding } = found
  const name = nameOfOwner(owner)
  const message =
    `${sayWriter(owner, finding)} changed ${finding.container} of ${name} back to ${finding.image}, which podmend had rewritten; ` +
    `to try again, remove annotation ${ORIGINAL_IMAGE_ANNOTATION} from ${name}`
  return { reason: 'EditReverted', message, requeueAt: now + RARELY }
}

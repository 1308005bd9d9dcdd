/** Whether an edit would reach the broken pods at all. */
import type { RemediationStep } from '../../api/remediation.ts'
import { type DecisionInput, LATER, RARELY } from '../../model/decision-input.ts'
import { sameImage } from '../../model/image-reference.ts'
import { policyOfStep, takesBack, type Tried, triedSteps } from '../../model/remediation-state.ts'
import { nameOfOwner, placeOf, sayUntouched, sayWriter } from '../../remedies/pod-template.ts'
import { uidsOf, wrotePodsOnly } from '../../remedies/rewrite-image/verify.ts'
import type { Context, Guardrail } from './guardrail.ts'
import { notReady } from './nodes.ts'

/** What fails is not what the owner's template says: an injected sidecar, a webhook's rewrite, a revision already repaired. */
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

/** Helm alone does not hold: only its next upgrade writes, and the record says what that must carry. */
export const managedElsewhere: Guardrail = ({ case: { now, incident }, policy }) => {
  if (policy.spec.managedWorkloads === 'Act') return undefined
  const manager = incident.owner.managers.find(({ writesBack }) => writesBack)
  if (!manager) return undefined
  const message = `${manager.name} manages ${nameOfOwner(incident.owner)} and would revert the change (${manager.seenBy}); change it at the source: ${manager.editAt}`
  return { reason: 'ManagedElsewhere', message, requeueAt: now + RARELY }
}

type Change = NonNullable<RemediationStep['changes']>[number]

/** We wrote it, and no recorded undo of ours took it back. */
const stands = ({ record, step }: Tried): boolean =>
  (step.state === 'Done' || step.state === 'Succeeded' || step.state === 'Ineffective') &&
  !record.status?.steps?.some((later) => later.state !== 'Planned' && takesBack(later, step))

/**
 * The change of a step that somebody took back: its `from` stands there again, and fails. Where no template was
 * written to only those pods count that were given the new image.
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

/** How a person lets us try again: only a policy that is there can be changed. */
const wayOut = ({ policies }: DecisionInput, { record, step }: Tried): string => {
  const { name, uid } = policyOfStep(record, step)
  const change = policies.some((policy) => policy.uid === uid) ? `change policy ${name} or ` : ''
  return `to try again, ${change}delete Remediation ${record.metadata.name}`
}

/**
 * Somebody changed our value back: they know better, or do not know of us; either way we do not fight. It stands against
 * every policy, until a person changes the one that wrote it (another may have opened the record, and another may govern
 * now) or deletes the record. Our own undo of a remedy that did not help stands on the
 * record and is none; `kubectl mend undo` is a person's doing.
 */
export const editReverted: Guardrail = (context) => {
  const { case: c } = context
  for (const tried of triedSteps(c).filter(stands)) {
    const by = policyOfStep(tried.record, tried.step)
    const lifted = c.policies.some(({ uid, generation }) => uid === by.uid && generation !== by.generation)
    const change = lifted ? undefined : takenBack(context, tried)
    if (!change) continue
    const { owner } = c.incident
    const message =
      `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} back from ${change.to} to ${change.from}; ` +
      wayOut(c, tried)
    return { reason: 'EditReverted', message, requeueAt: c.now + RARELY }
  }
  return undefined
}

/** Whether an edit would reach the broken pods at all. */
import { LATER, RARELY } from '../look-again.ts'
import { nameOfOwner } from '../template.ts'
import type { Guardrail } from './guardrail.ts'

/** What fails is not what the owner's template says: an injected sidecar, a webhook's rewrite, a revision already repaired. */
export const templateDiffers: Guardrail = ({ case: { now }, unplanned }) =>
  unplanned?.reason === 'TemplateDiffers'
    ? { reason: 'TemplateDiffers', message: unplanned.message, lookAgainAt: now + LATER }
    : undefined

export const rolloutBlocked: Guardrail = ({ case: { now, incident }, unplanned }) => {
  const { support, why, blocked } = incident.owner
  const message =
    (support === 'unsupported'
      ? (why ?? `${nameOfOwner(incident.owner)} is of a kind that is not touched`)
      : undefined) ??
    blocked ??
    (unplanned?.reason === 'RolloutBlocked' ? unplanned.message : undefined)
  return message === undefined ? undefined : { reason: 'RolloutBlocked', message, lookAgainAt: now + RARELY }
}

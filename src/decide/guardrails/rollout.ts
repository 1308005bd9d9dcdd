/** Whether an edit would reach the broken pods at all. */
import { LATER, RARELY } from '../look-again.ts'
import { sayUntouched } from '../template.ts'
import type { Guardrail } from './guardrail.ts'
import { notReady } from './nodes.ts'

/** What fails is not what the owner's template says: an injected sidecar, a webhook's rewrite, a revision already repaired. */
export const templateDiffers: Guardrail = ({ case: { now }, unplanned }) =>
  unplanned?.reason === 'TemplateDiffers'
    ? { reason: 'TemplateDiffers', message: unplanned.message, lookAgainAt: now + LATER }
    : undefined

export const rolloutBlocked: Guardrail = (context) => {
  const { case: c, unplanned } = context
  const { now, incident } = c
  const unready = notReady(context)
  if (unready !== undefined) return { reason: 'RolloutBlocked', message: unready, lookAgainAt: now + LATER }
  const { owner } = incident
  const message =
    sayUntouched(owner) ?? owner.blocked ?? (unplanned?.reason === 'RolloutBlocked' ? unplanned.message : undefined)
  return message === undefined ? undefined : { reason: 'RolloutBlocked', message, lookAgainAt: now + RARELY }
}

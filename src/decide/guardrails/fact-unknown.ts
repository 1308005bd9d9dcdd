import { askFor, registryFact } from '../facts.ts'
import { LATER } from '../look-again.ts'
import type { Context, Guardrail } from './guardrail.ts'

/** Whether the policy lets the registry be asked at all. */
const mayAskRegistry = ({ policy, plan }: Context): boolean =>
  plan === undefined || policy.spec.actions[plan.index]?.rewriteImage?.verify !== 'Never'

/**
 * An Event is only somebody's word and never leads to an action by itself: the kubelet's status or the registry's
 * answer must confirm what it says.
 */
export const factUnknown: Guardrail = (context) => {
  const { case: c, matched, unplanned, unanswered } = context
  const unknown = unanswered ?? (unplanned?.reason === 'FactUnknown' ? unplanned.message : undefined)
  if (unknown !== undefined) return { reason: 'FactUnknown', message: unknown, lookAgainAt: c.now + LATER }

  const hearsay = matched.filter(({ finding }) => finding.witness === 'event').map(({ finding }) => finding)
  if (hearsay.length === 0) return undefined
  const images = hearsay.map(({ image }) => image).filter((image) => image !== '')
  const ask = mayAskRegistry(context) ? askFor(c.facts, images.map(registryFact)) : undefined
  if (ask) return ask
  const message = `only an Event says that ${hearsay[0]?.container || 'the pod'} fails with ${hearsay[0]?.cause}; nothing confirms it yet`
  return { reason: 'FactUnknown', message, lookAgainAt: c.now + LATER }
}

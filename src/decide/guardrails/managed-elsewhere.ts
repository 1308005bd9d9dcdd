import { RARELY } from '../look-again.ts'
import { nameOfOwner } from '../template.ts'
import type { Guardrail } from './guardrail.ts'

/** Helm alone does not hold: only its next upgrade writes, and the record says what that must carry. */
export const managedElsewhere: Guardrail = ({ case: { now, incident }, policy }) => {
  if (policy.spec.managedWorkloads === 'Act') return undefined
  const manager = incident.owner.managers.find(({ writesBack }) => writesBack)
  if (!manager) return undefined
  const message = `${manager.name} writes ${nameOfOwner(incident.owner)} back (${manager.seenBy}); change it there: ${manager.editAt}`
  return { reason: 'ManagedElsewhere', message, lookAgainAt: now + RARELY }
}

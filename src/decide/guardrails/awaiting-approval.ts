import { decisionOn } from '../approval.ts'
import type { Case } from '../case.ts'
import { RARELY } from '../look-again.ts'
import type { Guardrail, Objection } from './guardrail.ts'

const objection = ({ now }: Case, message: string, at = now + RARELY): Objection => ({
  reason: 'AwaitingApproval',
  message,
  lookAgainAt: Math.min(at, now + RARELY),
})

export const awaitingApproval: Guardrail = ({ case: c, policy, plan }) => {
  if (policy.spec.mode !== 'Approve') return undefined
  if (!plan) return objection(c, 'there is no plan to approve')
  const decision = decisionOn(c, policy, plan)
  switch (decision.kind) {
    case 'Approved':
      return undefined
    case 'Asked':
      return { ...objection(c, decision.message, decision.expiresAt), expiresAt: decision.expiresAt }
    case 'Denied':
    case 'Expired':
      return { ...objection(c, decision.message), ends: decision.kind }
  }
}

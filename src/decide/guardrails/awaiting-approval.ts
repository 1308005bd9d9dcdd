import { parseDuration } from '../../api/duration.ts'
import type { Remediation } from '../../api/objects.ts'
import { formatTime, parseTime } from '../../api/time.ts'
import type { Case } from '../case.ts'
import { RARELY } from '../look-again.ts'
import type { Plan } from '../verdict.ts'
import type { Guardrail } from './guardrail.ts'

/** The record of this very incident, on which a person decides. */
const recordOf = ({ records, incident }: Case): Remediation | undefined =>
  records.find(({ spec }) => spec.templateHash === incident.templateHash)

/** What stands between the plan and a person's yes; undefined where they gave it to this very plan. */
const missing = (
  c: Case,
  policy: { readonly approvalTimeout: string },
  plan: Plan,
): { message: string; at: number } | undefined => {
  const record = recordOf(c)
  const approval = record?.spec.approval
  const since = parseTime(record?.metadata.creationTimestamp) ?? c.now
  const until = since + parseDuration(policy.approvalTimeout)
  const at = until > c.now ? Math.min(until, c.now + RARELY) : c.now + RARELY
  if (!approval) {
    const name = record ? ` ${record.metadata.name}` : ''
    if (c.now >= until)
      return { message: `nobody decided until ${formatTime(until)}; delete Remediation${name} to ask anew`, at }
    return {
      message: `Remediation${name} waits for approval of plan ${plan.hash.slice(0, 12)} until ${formatTime(until)}`,
      at,
    }
  }
  const { decision, by, reason, planHash } = approval
  if (decision === 'Denied') return { message: `${by} denied it${reason ? `: ${reason}` : ''}`, at: c.now + RARELY }
  if (planHash !== plan.hash) {
    return {
      message: `${by} approved plan ${planHash.slice(0, 12)}, but it is ${plan.hash.slice(0, 12)} now: approve anew`,
      at,
    }
  }
  return undefined
}

export const awaitingApproval: Guardrail = ({ case: c, policy, plan }) => {
  if (policy.spec.mode !== 'Approve') return undefined
  const lacks = plan ? missing(c, policy.spec, plan) : { message: 'there is no plan to approve', at: c.now + RARELY }
  return lacks && { reason: 'AwaitingApproval', message: lacks.message, lookAgainAt: lacks.at }
}

/** What a person said of a plan: an approval is of one plan, by its hash, and of no other. */
import type { DecisionInput, PolicyInForce } from '../model/decision-input.ts'
import { formatTime, parseDuration, parseTime } from '../model/duration.ts'
import type { Plan } from '../model/plan.ts'
import { decidedAt, openRecordOf, rejectedOn } from '../model/remediation-state.ts'

export type Decision =
  | { readonly kind: 'Approved' }
  /** A person is asked, until that time (ms since the epoch). */
  | { readonly kind: 'Asked'; readonly message: string; readonly expiresAt: number }
  /** Denied or expired: the record ends with this reason. */
  | { readonly kind: 'Denied' | 'Expired'; readonly message: string }

/** A plan's hash as sentences have it. */
const short = (hash: string): string => hash.slice(0, 12)

/** See Decision. The time to decide begins when the plan is first proposed. */
export const decisionOn = (c: DecisionInput, policy: PolicyInForce, plan: Plan): Decision => {
  const { templateHash } = c.incident
  const rejected = rejectedOn(c.records, templateHash, plan.hash)
  const record = rejected ?? openRecordOf(c.records, templateHash)
  const { spec: { approval } = {}, status } = record ?? {}
  const askAnew = `delete Remediation ${record?.metadata.name ?? ''} to request it again`
  const name = `plan ${short(plan.hash)}`
  const proposed = status?.planHash === plan.hash
  if (rejected && proposed && status.reason === 'Expired') {
    return { kind: 'Expired', message: status.message ?? `approval of ${name} expired; ${askAnew}` }
  }
  if (record && approval?.planHash === plan.hash) {
    const why = approval.reason ? `: ${approval.reason}` : ''
    if (approval.decision === 'Denied')
      return { kind: 'Denied', message: `${approval.by} denied ${name}${why}; ${askAnew}` }
    // The controller was not running when it expired, and the cluster may have changed since.
    const at = decidedAt(record)
    // Another plan may have been proposed since; that makes no late approval of this one valid.
    const request = status?.proposals?.find(({ planHash }) => planHash === plan.hash)
    const limit = parseTime(request?.expiresAt ?? (proposed ? status.expiresAt : undefined))
    if (at === undefined || limit === undefined || at <= limit) return { kind: 'Approved' }
    const late = `at ${formatTime(at)}, after it had expired at ${formatTime(limit)}`
    return { kind: 'Expired', message: `${approval.by} approved ${name} ${late}; ${askAnew}` }
  }
  const expiresAt =
    (proposed ? parseTime(status.expiresAt) : undefined) ?? c.now + parseDuration(policy.spec.approvalTimeout)
  const until = formatTime(expiresAt)
  if (c.now >= expiresAt) return { kind: 'Expired', message: `approval of ${name} expired at ${until}; ${askAnew}` }
  const message = approval
    ? `${approval.by} ${approval.decision.toLowerCase()} plan ${short(approval.planHash)}, but the current one is ${name}, which waits for approval until ${until}`
    : `${name} waits for approval until ${until}`
  return { kind: 'Asked', message, expiresAt }
}

import type { Remediation } from '../api/objects.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import { attemptsOfRecord } from './ledger.ts'
import type { PolicyNews } from './policy-status.ts'

/** Attempts that stand in one status and not in the other. */
const attemptsOnlyIn = (
  record: Remediation,
  one: RemediationStatus | undefined,
  other: RemediationStatus | undefined,
) => {
  const others = new Set(other?.attempts)
  const only = (one?.attempts ?? []).filter((time) => !others.has(time))
  if (only.length === 0) return []
  return attemptsOfRecord({ ...record, status: { ...record.status, attempts: only } }).map(({ incident, at }) => ({
    incident,
    at,
  }))
}

/** What a change of a record is to the status of its policy; undefined where it is nothing. Pure. */
export const newsOf = (before: RemediationStatus | undefined, record: Remediation): PolicyNews | undefined => {
  const attempts = attemptsOnlyIn(record, record.status, before)
  const takenBack = attemptsOnlyIn(record, before, record.status)
  const succeeded = record.status?.phase === 'Succeeded' && before?.phase !== 'Succeeded'
  if (attempts.length + takenBack.length === 0 && !succeeded) return undefined
  return {
    ...(attempts.length > 0 && { attempts }),
    ...(takenBack.length > 0 && { takenBack }),
    ...(succeeded && { succeeded: 1 }),
  }
}

/** Which records may go: the choice is pure, the deletion only of what was chosen, by uid. */
import { governingPolicy } from '../api/governing-policy.ts'
import type { Remediation } from '../api/objects.ts'
import { parseTime } from '../api/time.ts'
import { conflict, notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import { LEDGER_WINDOW_MS } from './ledger.ts'

export interface Keeping {
  /** Finished records kept for each policy. */
  readonly historyLimit: number
  /** How long a finished record is kept, ms; undefined: until the limit takes it. */
  readonly ttlMs?: number | undefined
  /** Cooldown of a policy by name, ms; 0 where the policy is gone. */
  readonly cooldownMs: (policy: string) => number
}

/** Until when a decision may still read this record: attempts count for 24 hours, and for the cooldown if that is longer. */
const readUntil = (record: Remediation, { cooldownMs }: Keeping): number => {
  const { status } = record
  const attempts = (status?.attempts ?? []).flatMap((time) => parseTime(time) ?? [])
  if (attempts.length === 0) return 0
  const last = Math.max(...attempts, parseTime(status?.finishedAt) ?? 0)
  return last + Math.max(LEDGER_WINDOW_MS, cooldownMs(governingPolicy(record).name))
}

const endOf = ({ status }: Remediation): number | undefined => parseTime(status?.finishedAt)

/** Finished records that are past their time, or beyond the limit of their policy (the oldest). Pure. */
export const chooseExpired = (
  records: readonly Remediation[],
  now: number,
  keeping: Keeping,
): readonly Remediation[] => {
  const kept = new Map<string, number>()
  const finished = records
    .filter((record) => endOf(record) !== undefined)
    .toSorted((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0))
  return finished.filter((record) => {
    const policy = governingPolicy(record).name
    const rank = (kept.get(policy) ?? 0) + 1
    kept.set(policy, rank)
    if (now < readUntil(record, keeping)) return false
    const old = keeping.ttlMs !== undefined && now - (endOf(record) ?? now) >= keeping.ttlMs
    return old || rank > keeping.historyLimit
  })
}

/** Deletes records, each only if it is still this one as it was chosen. Resolves with how many went. */
export const deleteRecords = async (
  records: readonly Remediation[],
  kube: {
    remove<T>(path: string, body: { preconditions: { uid: string; resourceVersion: string } }): Promise<T>
  },
): Promise<number> => {
  let deleted = 0
  for (const { metadata } of records) {
    const { namespace, name, uid, resourceVersion } = metadata
    try {
      await kube.remove(pathOf({ kind: 'Remediation', namespace, name }), { preconditions: { uid, resourceVersion } })
      deleted += 1
    } catch (error) {
      if (!notFound(error) && !conflict(error)) throw new Error(`deleting Remediation ${name}`, { cause: error })
    }
  }
  return deleted
}

/** When a person decided, by the API server's clock: what it notes of who wrote a field, and when. */
import type { ManagedFieldsEntry } from './kubernetes.ts'
import type { Remediation } from './objects.ts'
import { parseTime } from './time.ts'

const hasField = (fields: unknown, name: string): fields is Readonly<Record<string, unknown>> =>
  typeof fields === 'object' && fields !== null && Object.hasOwn(fields, name)

const wroteApproval = ({ fieldsV1, subresource }: ManagedFieldsEntry): boolean =>
  !subresource && hasField(fieldsV1, 'f:spec') && hasField(fieldsV1['f:spec'], 'f:approval')

/** Of `metadata.managedFields` what tells of a decision: the rest is large, and nobody here reads it. */
export const approvalEntries = (entries: readonly ManagedFieldsEntry[] = []): readonly ManagedFieldsEntry[] =>
  entries.filter(wroteApproval)

/** ms since the epoch, to the second; undefined where nobody decided or nothing is noted. */
export const decidedAt = ({ metadata }: Pick<Remediation, 'metadata'>): number | undefined => {
  const times = approvalEntries(metadata.managedFields).flatMap(({ time }) => parseTime(time) ?? [])
  return times.length > 0 ? Math.max(...times) : undefined
}

import type { Remediation } from '../api/objects.ts'

const isOpen = ({ status }: Remediation): boolean => status?.finishedAt === undefined

const wasBegun = ({ status }: Remediation): boolean => (status?.steps ?? []).some(({ state }) => state !== 'Planned')

/**
 * The open record that an incident of this revision goes on with: its own or, after a remedy that made this revision, the
 * one that tells of the remedy.
 */
export const openRecordOf = (records: readonly Remediation[], templateHash: string): Remediation | undefined => {
  const open = records.filter(isOpen)
  return open.find(({ spec }) => spec.templateHash === templateHash) ?? open.find(wasBegun)
}

/** The record on which a person decides: the open one, else the one of this revision that has ended. */
export const ownRecord = (records: readonly Remediation[], templateHash: string): Remediation | undefined =>
  openRecordOf(records, templateHash) ?? records.find(({ spec }) => spec.templateHash === templateHash)

/** Open records of other revisions under which nothing was begun: what they wait for does not matter any more. */
export const supersededRecords = (records: readonly Remediation[], templateHash: string): readonly Remediation[] =>
  records.filter((record) => isOpen(record) && record.spec.templateHash !== templateHash && !wasBegun(record))

/** Whether the record ended with this reason: it would only be said once more. */
export const endedWith = (records: readonly Remediation[], templateHash: string, reason: string): boolean => {
  const status = ownRecord(records, templateHash)?.status
  return status?.phase === 'Cancelled' && status.reason === reason
}

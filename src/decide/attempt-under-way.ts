import type { Remediation } from '../api/objects.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { Case } from './case.ts'

/** Something was begun and its outcome is not known. */
export const isUnderWay = ({ status }: Remediation): boolean =>
  status?.phase === 'Running' || status?.phase === 'Verifying'

export interface UnderWay {
  readonly record: Remediation
  /** In state `Intended`: it may or may not have been written. In state `Done`: it was. */
  readonly step: RemediationStep
}

/** The newest attempt under way at this incident: a record that runs, and its last step that has no outcome. */
export const attemptUnderWay = ({ records }: Case): UnderWay | undefined => {
  for (const record of records.filter(isUnderWay)) {
    const step = record.status?.steps?.findLast(({ state }) => state !== 'Planned')
    if (step?.state === 'Intended' || step?.state === 'Done') return { record, step }
  }
  return undefined
}

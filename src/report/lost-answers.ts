/** Changes of records whose answer was lost, and which may still take effect: the API server may commit a write late. */
import { isDeepStrictEqual } from 'node:util'
import type { Remediation } from '../api/kinds.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import { printable } from '../model/printable.ts'
import { setBounded } from '../runtime/bounded-map.ts'

export interface LostChange {
  readonly before: RemediationStatus | undefined
  readonly wanted: RemediationStatus
}

/** The change may or may not have taken effect. */
export class AnswerLost extends Error {
  override readonly name = 'AnswerLost'
  readonly change: LostChange
  constructor(message: string, change: LostChange, options: ErrorOptions) {
    super(message, options)
    this.change = change
  }
}

const asStored = (status: RemediationStatus | undefined): object => {
  const { observedGeneration: _, ...rest } = JSON.parse(JSON.stringify(printable(status ?? {}))) as RemediationStatus
  return rest
}

/** Whether the record is as the change wanted it. */
export const tookEffect = ({ status }: Remediation, wanted: RemediationStatus): boolean =>
  isDeepStrictEqual(asStored(status), asStored(wanted))

/** One for each record in progress at most; those of records that are never seen again are forgotten. */
const MAX_LOST = 1_000

export const createLostAnswers = () => {
  const lost = new Map<string, LostChange>()
  return {
    /** A write to the record failed. */
    failed: (uid: string, error: unknown): void => {
      if (error instanceof AnswerLost) setBounded(lost, uid, error.change, MAX_LOST)
    },
    /** A later write to the record was answered. */
    answered: (uid: string): void => void lost.delete(uid),
    /** The status before the lost change, once, if the record shows that it took effect. */
    found: (record: Remediation): LostChange | undefined => {
      const { uid } = record.metadata
      const change = lost.get(uid)
      if (!change || !tookEffect(record, change.wanted)) return undefined
      lost.delete(uid)
      return change
    },
  }
}

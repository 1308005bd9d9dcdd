import type { RemediationStatus } from '../api/remediation.ts'
import type { Diagnosis } from '../diagnose/incident.ts'
import { clip } from './text.ts'

/** An attempt was begun and its outcome is not known. */
export const underWay = ({ phase }: RemediationStatus): boolean => phase === 'Running' || phase === 'Verifying'

/** Fields that go away when they are undefined here: a status is replaced as a whole. */
export const put = (before: RemediationStatus, fields: Partial<RemediationStatus>): RemediationStatus => {
  const after: Record<string, unknown> = { ...before, ...fields }
  for (const key of Object.keys(after)) if (after[key] === undefined) delete after[key]
  return after as RemediationStatus
}

/** What a diagnosis adds to a record. */
export const knownOf = ({ cause, evidence, permanentFix, explanations }: Diagnosis): Partial<RemediationStatus> => ({
  cause,
  ...(evidence.length > 0 && {
    evidence: evidence.slice(0, 64).map(({ fact, says }) => ({ fact: clip(fact, 64), says: clip(says, 2_048) })),
  }),
  ...(explanations !== undefined && {
    explanations: explanations
      .slice(0, 16)
      .map(({ kind, says, image }) => ({ kind, says: clip(says, 2_048), ...(image !== undefined && { image }) })),
  }),
  ...(permanentFix !== undefined && { permanentFix: clip(permanentFix, 4_096) }),
})

/**
 * What a look adds to a record whose cause is known better already: a hold that comes early asks no registry, and then has
 * the pod's words alone. A cause that these leave open stays, with what it was known by.
 */
export const learned = (before: RemediationStatus, diagnosis: Diagnosis): Partial<RemediationStatus> => {
  const { cause } = before
  const open = diagnosis.findings.filter((finding) => finding.cause === diagnosis.cause)
  const knowsLess =
    cause !== undefined && cause !== diagnosis.cause && open.some(({ mayBe }) => mayBe.some((may) => may === cause))
  const known = knownOf(diagnosis)
  return knowsLess ? { ...known, cause, evidence: before.evidence ?? known.evidence } : known
}

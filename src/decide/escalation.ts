/** Which action of the policy comes next, by what the records tell of those before. */
import { policyOfStep } from '../api/governing-policy.ts'
import { incidentId } from '../api/incident-id.ts'
import { sameImage } from '../api/image-reference.ts'
import type { Remediation } from '../api/objects.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { Case, PolicyInForce } from './case.ts'
import { placeOf } from './template.ts'

export interface NextStep {
  /** Index of the first action that may be planned. */
  readonly from: number
  /** Number of the attempt: one pass through the policy's actions. */
  readonly attempt: number
  /** The step before belongs to the same attempt and did not help: no pause lies between them. */
  readonly escalates: boolean
}

export interface Tried {
  readonly record: Remediation
  readonly step: RemediationStep
}

const beganAt = ({ step }: Tried): string => step.intendedAt ?? step.actedAt ?? ''

/** Steps that were really begun, newest first. */
export const triedSteps = ({ records }: Case): readonly Tried[] =>
  records
    .flatMap((record) => (record.status?.steps ?? []).toReversed().map((step): Tried => ({ record, step })))
    .filter(({ step }) => step.state !== 'Planned')
    .toSorted((a, b) => (beganAt(a) < beganAt(b) ? 1 : beganAt(a) > beganAt(b) ? -1 : 0))

/** Whether the incident is still the one of that step: the same revision, or the one that the step itself made. */
const sameStory = ({ incident }: Case, { record, step }: Tried): boolean =>
  record.spec.templateHash === incident.templateHash ||
  (step.changes ?? []).some((change) => sameImage(placeOf(incident.owner, change)?.image ?? '', change.to))

export const nextStep = (c: Case, policy: PolicyInForce): NextStep => {
  const tried = triedSteps(c)
  const last = tried[0]
  const by = last && policyOfStep(last.record, last.step)
  const samePolicy = by?.uid === policy.uid && by.generation === policy.generation
  if (last && samePolicy && sameStory(c, last)) {
    const { state, index, attempt } = last.step
    const didNotHelp = state === 'Ineffective' || state === 'Failed' || state === 'Undone'
    if (didNotHelp && index + 1 < policy.spec.actions.length) return { from: index + 1, attempt, escalates: true }
  }
  const id = incidentId(c.incident.owner.ref.uid, c.incident.area)
  const counted = c.attempts.filter(({ incident }) => incident === id).length
  return { from: 0, attempt: Math.max(counted, ...tried.map(({ step }) => step.attempt)) + 1, escalates: false }
}

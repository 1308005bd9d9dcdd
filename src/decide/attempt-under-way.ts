import { governingPolicy } from '../api/governing-policy.ts'
import type { Remediation } from '../api/objects.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { FactName } from '../diagnose/incident.ts'
import type { Case, PolicyInForce } from './case.ts'

/** Something was begun and its outcome is not known. */
export const isUnderWay = ({ status }: Remediation): boolean =>
  status?.phase === 'Running' || status?.phase === 'Verifying'

export interface UnderWay {
  readonly record: Remediation
  /** In state `Intended`: it may or may not have been written. In state `Done`: it was. */
  readonly step: RemediationStep
  /** The step takes the one before it back; it proves nothing, so it is only brought to its end. */
  readonly undoing: boolean
}

/** The policy by which the remedy under way was begun, as it is now; undefined where it is gone. */
export const policyOf = ({ policies }: Case, record: Remediation): PolicyInForce | undefined =>
  policies.find(({ uid }) => uid === governingPolicy(record).uid)

/** Whether the policy has an action beyond the one under way; one that was changed since may have others in its place. */
export const hasFurtherAction = (c: Case, { record, step }: UnderWay): boolean => {
  const policy = policyOf(c, record)
  return policy?.generation === governingPolicy(record).generation && step.index + 1 < policy.spec.actions.length
}

/** The fact of the owner's pods, those among them that the step wrote to. */
export const podsOf = ({ step }: UnderWay): FactName => ({ fact: 'pods', named: step.pods })

/** An undo is a second step at the same action in the same attempt. */
export const takesBack = (later: RemediationStep, step: RemediationStep | undefined): boolean =>
  step !== undefined && later !== step && later.attempt === step.attempt && later.index === step.index

/** The newest attempt under way at this incident: a record that runs, and its last step that has no outcome. */
export const attemptUnderWay = ({ records }: Case): UnderWay | undefined => {
  for (const record of records.filter(isUnderWay)) {
    const begun = (record.status?.steps ?? []).filter(({ state }) => state !== 'Planned')
    const step = begun.at(-1)
    if (step?.state !== 'Intended' && step?.state !== 'Done') continue
    return { record, step, undoing: takesBack(step, begun.at(-2)) }
  }
  return undefined
}

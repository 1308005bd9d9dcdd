/** Which policy a record speaks of: another one may have taken over since it was opened, e.g. one that acts from one that observes. */
import type { Remediation } from './objects.ts'
import type { RemediationSpec, RemediationStep } from './remediation.ts'

export type GoverningPolicy = RemediationSpec['policy']

/** The policy that governs now; while a remedy is under way, the one by which it was begun. */
export const governingPolicy = ({ spec, status }: Pick<Remediation, 'spec' | 'status'>): GoverningPolicy =>
  status?.policy ?? spec.policy

/** The policy by which a step was planned. */
export const policyOfStep = ({ spec }: Pick<Remediation, 'spec'>, { policy }: RemediationStep): GoverningPolicy =>
  policy ?? spec.policy

/** Checks podmend's installed admission policies. */
import type { RemediationPolicy } from '../../api/kinds.ts'
import type { KubeClient } from '../../kube/client.ts'
import { pathOf } from '../../kube/paths.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { APPROVAL_POLICY, REMEDIATION_POLICY } from '../../model/names.ts'
import { type Check, fail, ok, orUndefined, unreadable, warn } from './check.ts'

/** A ValidatingAdmissionPolicy and its binding of the same name, if they exist and can be read. */
export interface Admission {
  readonly policy: (KubeObject & { readonly spec?: { readonly failurePolicy?: string } }) | undefined
  readonly binding:
    | (KubeObject & {
        readonly spec?: { readonly policyName?: string; readonly validationActions?: readonly string[] }
      })
    | undefined
}

/** `nothing`: it has no effect; `some`: it admits what it cannot check. */
interface Weakness {
  readonly denies: 'nothing' | 'some'
  readonly message: string
}

/** To be installed where an admission policy is not as it should be. */
export const ADMISSION_TODO = 'install the chart, or kubectl apply -f manifests/install.yaml'

/** Pure; undefined where the API server enforces the policy. */
export const weaknessOf = ({ policy, binding }: Admission, name: string): Weakness | undefined => {
  const nothing = (message: string): Weakness => ({ denies: 'nothing', message })
  if (!policy) return nothing(`ValidatingAdmissionPolicy ${name} is absent`)
  if (!binding) return nothing(`ValidatingAdmissionPolicyBinding ${name} is absent, so the policy has no effect`)
  const { policyName, validationActions = [] } = binding.spec ?? {}
  if (policyName !== name || !validationActions.includes('Deny')) {
    const does = `binds ${policyName ?? 'nothing'} to ${validationActions.join(', ') || 'nothing'}, not ${name} to Deny`
    return nothing(`ValidatingAdmissionPolicyBinding ${name} ${does}`)
  }
  return policy.spec?.failurePolicy === 'Ignore'
    ? {
        denies: 'some',
        message: `ValidatingAdmissionPolicy ${name} has failurePolicy Ignore: it admits what it cannot check`,
      }
    : undefined
}

/** Reads both by their name. Rejects with `KubeError`, where the right is missing too. */
export const readAdmission = async (client: Pick<KubeClient, 'get'>, name: string): Promise<Admission> => {
  const read = <T>(plural: string): Promise<T | undefined> =>
    client.get<T>(pathOf({ apiVersion: 'admissionregistration.k8s.io/v1', plural, name })).catch(orUndefined)
  const [policy, binding] = await Promise.all([
    read<NonNullable<Admission['policy']>>('validatingadmissionpolicies'),
    read<NonNullable<Admission['binding']>>('validatingadmissionpolicybindings'),
  ])
  return { policy, binding }
}

// Whether the API server checks who writes Remediations, and who approves, where a policy depends on it.

interface Guarded {
  /** The check's name. */
  readonly check: string
  /** Of the ValidatingAdmissionPolicy and its binding. */
  readonly admission: string
  /** What the policies do, after their names: of one, of several. */
  readonly does: readonly [string, string]
  readonly enforced: string
  /** What follows if it is not. */
  readonly otherwise: string
}

const APPROVALS: Guarded = {
  check: 'approvals',
  admission: APPROVAL_POLICY,
  does: ['requires approval', 'require approval'],
  enforced: 'the API server checks who approves',
  otherwise: 'anyone who may write Remediations can approve in any name',
}

const RECORDS: Guarded = {
  check: 'records',
  admission: REMEDIATION_POLICY,
  does: ['acts', 'act'],
  enforced: 'only the controller creates Remediations and writes their status',
  otherwise: 'anyone who may write Remediations in a namespace can forge attempts and intents of its workloads',
}

const checkGuarded = (found: Admission, names: readonly string[], guarded: Guarded): Check => {
  const { check, admission, does, enforced, otherwise } = guarded
  const more = names.length > 6 ? ` and ${names.length - 6} more` : ''
  const who = `${names.slice(0, 6).join(', ')}${more} ${names.length === 1 ? does[0] : does[1]}`
  const weakness = weaknessOf(found, admission)
  if (!weakness) return ok(check, `${who}, and ${enforced}`)
  const message = `${who}, but ${weakness.message}`
  return weakness.denies === 'some'
    ? warn(check, message, ADMISSION_TODO)
    : fail(check, `${message}: ${otherwise}`, ADMISSION_TODO)
}

/** Pure. `names`: the policies that ask; at least one. */
export const checkApprovals = (found: Admission, names: readonly string[]): Check =>
  checkGuarded(found, names, APPROVALS)

/** Pure. `names`: the policies that act; at least one. */
export const checkRecords = (found: Admission, names: readonly string[]): Check => checkGuarded(found, names, RECORDS)

/** No check of what no policy depends on. */
export const readAdmissions = async (
  client: Pick<KubeClient, 'get'>,
  policies: readonly RemediationPolicy[],
): Promise<readonly Check[]> => {
  const named = (modes: readonly string[]): readonly string[] =>
    policies.filter(({ spec }) => modes.includes(spec.mode ?? 'Observe')).map(({ metadata }) => metadata.name)
  const depending = [
    [APPROVALS, named(['Approve'])],
    [RECORDS, named(['Approve', 'Enforce'])],
  ] as const
  const checks = depending
    .filter(([, names]) => names.length > 0)
    .map(([guarded, names]) =>
      readAdmission(client, guarded.admission)
        .then((found) => checkGuarded(found, names, guarded))
        .catch(unreadable(guarded.check)),
    )
  return Promise.all(checks)
}

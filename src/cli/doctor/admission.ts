/** Checks podmend's installed admission policies. */
import type { RemediationPolicy } from '../../api/kinds.ts'
import type { KubeClient } from '../../kube/client.ts'
import { pathOf } from '../../kube/paths.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { APPROVAL_POLICY } from '../../model/names.ts'
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

// Whether the API server checks approvals, where a policy asks for them.

const CHECK = 'approvals'

const asking = (policies: readonly RemediationPolicy[]): readonly string[] =>
  policies.filter(({ spec }) => spec.mode === 'Approve').map(({ metadata }) => metadata.name)

/** Pure. `names`: the policies that ask; at least one. */
export const checkApprovals = (found: Admission, names: readonly string[]): Check => {
  const who = `${names.slice(0, 6).join(', ')} ${names.length === 1 ? 'requires' : 'require'} approval`
  const weakness = weaknessOf(found, APPROVAL_POLICY)
  if (!weakness) return ok(CHECK, `${who}, and the API server checks who approves`)
  const message = `${who}, but ${weakness.message}`
  return weakness.denies === 'some'
    ? warn(CHECK, message, ADMISSION_TODO)
    : fail(CHECK, `${message}: anyone who may write Remediations can approve in any name`, ADMISSION_TODO)
}

/** No check if no policy requires approval. */
export const readApprovals = async (
  client: Pick<KubeClient, 'get'>,
  policies: readonly RemediationPolicy[],
): Promise<readonly Check[]> => {
  const names = asking(policies)
  if (names.length === 0) return []
  return readAdmission(client, APPROVAL_POLICY)
    .then((found) => checkApprovals(found, names))
    .catch(unreadable(CHECK))
    .then((check) => [check])
}

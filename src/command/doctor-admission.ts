/** What is wrong with an admission policy of podmend's, as it is installed. */
import type { KubeObject } from '../api/kubernetes.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import { orUndefined } from './doctor-read.ts'

/** A ValidatingAdmissionPolicy and its binding of the same name, as far as they are there and are read. */
export interface Admission {
  readonly policy: (KubeObject & { readonly spec?: { readonly failurePolicy?: string } }) | undefined
  readonly binding:
    | (KubeObject & {
        readonly spec?: { readonly policyName?: string; readonly validationActions?: readonly string[] }
      })
    | undefined
}

/** `nothing`: it does nothing; `some`: it lets pass what it cannot check. */
interface Weakness {
  readonly holdsBack: 'nothing' | 'some'
  readonly says: string
}

/** To be installed where an admission policy is not as it should be. */
export const ADMISSION_TODO = 'install the chart, or kubectl apply -f manifests/install.yaml'

/** Pure; undefined where the API server goes by the policy. */
export const weaknessOf = ({ policy, binding }: Admission, name: string): Weakness | undefined => {
  const nothing = (says: string): Weakness => ({ holdsBack: 'nothing', says })
  if (!policy) return nothing(`ValidatingAdmissionPolicy ${name} is absent`)
  if (!binding) return nothing(`ValidatingAdmissionPolicyBinding ${name} is absent, so the policy does nothing`)
  const { policyName, validationActions = [] } = binding.spec ?? {}
  if (policyName !== name || !validationActions.includes('Deny')) {
    const does = `binds ${policyName ?? 'nothing'} to ${validationActions.join(', ') || 'nothing'}, not ${name} to Deny`
    return nothing(`ValidatingAdmissionPolicyBinding ${name} ${does}`)
  }
  return policy.spec?.failurePolicy === 'Ignore'
    ? { holdsBack: 'some', says: `ValidatingAdmissionPolicy ${name} lets pass what it cannot check` }
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

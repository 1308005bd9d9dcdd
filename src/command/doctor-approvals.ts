/** Whether the API server checks approvals, where a policy asks for them. */
import type { KubeObject } from '../api/kubernetes.ts'
import { APPROVAL_POLICY } from '../api/names.ts'
import type { RemediationPolicy } from '../api/objects.ts'
import { forbidden, notFound } from '../runtime/errors.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import { type Check, fail, ok, warn } from './check.ts'
import { sentenceOf } from './failure.ts'

const CHECK = 'approvals'

/** What is read of a ValidatingAdmissionPolicy. */
export interface AdmissionPolicy extends KubeObject {
  readonly spec?: { readonly failurePolicy?: string }
}

/** What is read of its binding. */
export interface AdmissionBinding extends KubeObject {
  readonly spec?: { readonly policyName?: string; readonly validationActions?: readonly string[] }
}

interface Found {
  readonly policy: AdmissionPolicy | undefined
  readonly binding: AdmissionBinding | undefined
}

const asking = (policies: readonly RemediationPolicy[]): readonly string[] =>
  policies.filter(({ spec }) => spec.mode === 'Approve').map(({ metadata }) => metadata.name)

/** Pure. `names`: the policies that ask; at least one. */
export const judgeApprovals = ({ policy, binding }: Found, names: readonly string[]): Check => {
  const who = `${names.slice(0, 6).join(', ')} ${names.length === 1 ? 'asks' : 'ask'} for approval`
  const anyone = 'whoever may write Remediations can approve in any name'
  const todo = 'install the chart, or kubectl apply -f manifests/install.yaml'
  if (!policy) return fail(CHECK, `${who}, and ValidatingAdmissionPolicy ${APPROVAL_POLICY} is absent: ${anyone}`, todo)
  if (!binding) {
    const what = `ValidatingAdmissionPolicyBinding ${APPROVAL_POLICY} is absent`
    return fail(CHECK, `${who}, and ${what}, so the policy does nothing: ${anyone}`, todo)
  }
  const { policyName, validationActions = [] } = binding.spec ?? {}
  if (policyName !== APPROVAL_POLICY || !validationActions.includes('Deny')) {
    const does = `binds ${policyName ?? 'nothing'} to ${validationActions.join(', ') || 'nothing'}, not ${APPROVAL_POLICY} to Deny`
    return fail(CHECK, `${who}, and ValidatingAdmissionPolicyBinding ${APPROVAL_POLICY} ${does}: ${anyone}`, todo)
  }
  if (policy.spec?.failurePolicy === 'Ignore') {
    return warn(CHECK, `${who}, and ValidatingAdmissionPolicy ${APPROVAL_POLICY} lets pass what it cannot check`, todo)
  }
  return ok(CHECK, `${who}, and the API server checks who gives it`)
}

/** Nothing where no policy asks: then it does not matter. */
export const lookAtApprovals = async (
  client: Pick<KubeClient, 'get'>,
  policies: readonly RemediationPolicy[],
): Promise<readonly Check[]> => {
  const names = asking(policies)
  if (names.length === 0) return []
  const read = <T>(plural: string): Promise<T | undefined> =>
    client
      .get<T>(pathOf({ apiVersion: 'admissionregistration.k8s.io/v1', plural, name: APPROVAL_POLICY }))
      .catch((error: unknown) => {
        if (!notFound(error)) throw error
        return undefined
      })
  try {
    const [policy, binding] = await Promise.all([
      read<AdmissionPolicy>('validatingadmissionpolicies'),
      read<AdmissionBinding>('validatingadmissionpolicybindings'),
    ])
    return [judgeApprovals({ policy, binding }, names)]
  } catch (error) {
    if (!forbidden(error)) throw error
    return [warn(CHECK, sentenceOf(error), 'ask somebody with that right')]
  }
}

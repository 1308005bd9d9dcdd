/** Whether the API server checks approvals, where a policy asks for them. */
import { APPROVAL_POLICY } from '../api/names.ts'
import type { RemediationPolicy } from '../api/objects.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { type Check, fail, ok, warn } from './check.ts'
import { type Admission, ADMISSION_TODO, readAdmission, weaknessOf } from './doctor-admission.ts'
import { unreadable } from './doctor-read.ts'

const CHECK = 'approvals'

const asking = (policies: readonly RemediationPolicy[]): readonly string[] =>
  policies.filter(({ spec }) => spec.mode === 'Approve').map(({ metadata }) => metadata.name)

/** Pure. `names`: the policies that ask; at least one. */
export const judgeApprovals = (found: Admission, names: readonly string[]): Check => {
  const who = `${names.slice(0, 6).join(', ')} ${names.length === 1 ? 'asks' : 'ask'} for approval`
  const weakness = weaknessOf(found, APPROVAL_POLICY)
  if (!weakness) return ok(CHECK, `${who}, and the API server checks who gives it`)
  const says = `${who}, and ${weakness.says}`
  return weakness.holdsBack === 'some'
    ? warn(CHECK, says, ADMISSION_TODO)
    : fail(CHECK, `${says}: whoever may write Remediations can approve in any name`, ADMISSION_TODO)
}

/** Nothing where no policy asks: then it does not matter. */
export const lookAtApprovals = async (
  client: Pick<KubeClient, 'get'>,
  policies: readonly RemediationPolicy[],
): Promise<readonly Check[]> => {
  const names = asking(policies)
  if (names.length === 0) return []
  return readAdmission(client, APPROVAL_POLICY)
    .then((found) => judgeApprovals(found, names))
    .catch(unreadable(CHECK))
    .then((check) => [check])
}

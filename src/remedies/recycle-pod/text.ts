import type { RemediationStep } from '../../api/remediation.ts'
import type { RemedyText } from '../remedy.ts'
import { nameOf, POD_WRITTEN, sayPods } from '../text.ts'
import type { RecyclePodPlan } from './plan.ts'

const step = ({ pods = [] }: RemediationStep): string => `delete ${sayPods(pods)}`

export const text: RemedyText<RecyclePodPlan> = {
  plan: ({ method, pods, target }) =>
    `${method === 'Evict' ? 'evict' : 'delete'} ${pods.map(({ name }) => name).join(', ')} of ${nameOf(target)}`,
  step,
  done: ({ pods = [] }, { kind, name }) => `Deleted ${sayPods(pods)} of ${kind} ${name}`,
  ...POD_WRITTEN,
}

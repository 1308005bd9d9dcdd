import type { RemediationStep } from '../../api/remediation.ts'
import { TASK_WRITTEN } from '../node-tasks/plan.ts'
import type { RemedyText } from '../remedy.ts'
import { nameOf, sayPods } from '../text.ts'
import type { RecycleSandboxPlan } from './plan.ts'

const step = ({ pods = [] }: RemediationStep): string => `recycle the sandboxes of ${sayPods(pods)}`

export const text: RemedyText<RecycleSandboxPlan> = {
  plan: ({ pods, target }) =>
    `recycle the sandboxes of ${pods.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')} on ${nameOf(target)}`,
  step,
  done: (done, { kind, name }) => `Asked the agent on ${kind} ${name} to ${step(done)}`,
  ...TASK_WRITTEN,
}

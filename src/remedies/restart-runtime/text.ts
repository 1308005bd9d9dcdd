import type { RemediationStep } from '../../api/remediation.ts'
import { TASK_WRITTEN } from '../node-tasks/plan.ts'
import type { RemedyText } from '../remedy.ts'
import { nameOf } from '../text.ts'
import type { RestartRuntimePlan } from './plan.ts'

const step = ({ node }: RemediationStep): string => `restart ${node?.runtime ?? 'the runtime'} (${node?.touches ?? ''})`

export const text: RemedyText<RestartRuntimePlan> = {
  plan: ({ runtime, target, touches }) => `restart ${runtime} on ${nameOf(target)}; ${touches}`,
  step,
  done: (done, { kind, name }) => `Asked the agent on ${kind} ${name} to ${step(done)}`,
  ...TASK_WRITTEN,
}

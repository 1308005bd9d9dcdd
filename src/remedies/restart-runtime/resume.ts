import type { DecisionInput, PolicyInForce } from '../../model/decision-input.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { leftOfTasks } from '../node-tasks/plan.ts'
import { nodeStepBase } from '../node/resume.ts'
import type { Left } from '../remedy.ts'
import { type RestartRuntimePlan, restartTasks } from './plan.ts'

/** The task, unless it was already created. */
export const resume = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Left<RestartRuntimePlan> => {
  const base = nodeStepBase(c, inProgress, policy)
  const { runtime, reason, touches = '' } = inProgress.step.node ?? {}
  if (!runtime || !reason) return { unseen: 'the record does not say which runtime was to be restarted' }
  const tasks = restartTasks(base.target, { runtime, reason }, base.pods, base.hash)
  return leftOfTasks(c, { ...base, type: 'RestartRuntime', runtime, reason, touches, tasks })
}

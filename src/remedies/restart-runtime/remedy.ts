/** RestartRuntime: has the agent of a node restart docker, containerd or cri-o. */
import { TASK_EVENT, tasksUnderHash } from '../node-tasks/plan.ts'
import type { PureRemedy } from '../remedy.ts'
import { planRestartRuntime, type RestartRuntimePlan } from './plan.ts'
import { resume } from './resume.ts'
import { text } from './text.ts'
import { verify } from './verify.ts'

export const restartRuntime: PureRemedy<RestartRuntimePlan> = {
  type: 'RestartRuntime',
  onNode: 'Repairs',
  revivesNode: true,
  needsAgent: true,
  podsShowFailure: true,
  event: TASK_EVENT,
  text,
  plan: planRestartRuntime,
  underHash: tasksUnderHash,
  record: ({ target, pods, proposedFor = pods, tasks, runtime, reason, touches }) => ({
    target,
    pods: [...proposedFor],
    node: { tasks: tasks.map(({ name }) => name), runtime, reason, touches },
  }),
  resume,
  verify,
}

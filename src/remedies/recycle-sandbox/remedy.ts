/** RecycleSandbox: has the agent of a node remove the sandboxes of waiting pods; the kubelet creates new ones. */
import { leftOfTasks, TASK_EVENT, tasksUnderHash } from '../node-tasks/plan.ts'
import { verifyTasks } from '../node-tasks/verify.ts'
import { nodeStepBase } from '../node/resume.ts'
import type { PureRemedy } from '../remedy.ts'
import { planRecycleSandbox, type RecycleSandboxPlan, recycleTasks } from './plan.ts'
import { text } from './text.ts'

export const recycleSandbox: PureRemedy<RecycleSandboxPlan> = {
  type: 'RecycleSandbox',
  onNode: 'Repairs',
  needsAgent: true,
  event: TASK_EVENT,
  text,
  plan: planRecycleSandbox,
  underHash: tasksUnderHash,
  record: ({ target, pods, tasks }) => ({ target, pods: [...pods], node: { tasks: tasks.map(({ name }) => name) } }),
  resume: (c, inProgress, policy) => {
    const base = nodeStepBase(c, inProgress, policy)
    return leftOfTasks(c, {
      ...base,
      type: 'RecycleSandbox',
      tasks: recycleTasks(base.target, base.pods, base.hash),
    })
  },
  verify: verifyTasks,
}

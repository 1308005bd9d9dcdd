/** RecycleSandbox: has the agent of a node remove the sandboxes of waiting pods; the kubelet creates new ones. */
import { TASK_EVENT, tasksUnderHash } from '../node-tasks/plan.ts'
import { verifyTasks } from '../node-tasks/verify.ts'
import type { PureRemedy } from '../remedy.ts'
import { planRecycleSandbox, type RecycleSandboxPlan } from './plan.ts'
import { resume } from './resume.ts'
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
  resume,
  verify: verifyTasks,
}

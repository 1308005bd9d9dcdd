import type { RbacGrant } from '../../model/rbac.ts'
import type { Outcome } from '../../model/plan.ts'
import { currentNode } from '../node/current.ts'
import { NODE_TASK_RULE, takeLeaseAndCreateTasks } from '../node-tasks/act.ts'
import type { ActDeps } from '../writes.ts'
import type { RestartRuntimePlan } from './plan.ts'

export const RBAC: RbacGrant = { action: 'RestartRuntime', namespaced: true, rules: [NODE_TASK_RULE] }

/** Reads the node first: the agent compares its uid, but does not know who opted out. */
export const act = async (plan: RestartRuntimePlan, deps: ActDeps): Promise<Outcome> => {
  const current = await currentNode(plan.target, deps)
  return 'stale' in current ? current.stale : takeLeaseAndCreateTasks(plan, deps)
}

import type { RbacGrant } from '../../model/rbac.ts'
import { NODE_TASK_RULE, takeLeaseAndCreateTasks } from '../node-tasks/act.ts'

export const RBAC: RbacGrant = { action: 'RestartRuntime', namespaced: true, rules: [NODE_TASK_RULE] }

export const act = takeLeaseAndCreateTasks

import type { RbacGrant } from '../../model/rbac.ts'
import { ORDERS, orderTasks } from '../node-tasks/act.ts'

export const RBAC: RbacGrant = { action: 'RestartRuntime', namespaced: true, rules: [ORDERS] }

export const act = orderTasks

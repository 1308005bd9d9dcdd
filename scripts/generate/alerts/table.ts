import type { Alert } from './alert.ts'
import { HOLD_ALERTS } from './holds.ts'
import { NODE_ALERTS } from './nodes.ts'
import { OPERATOR_ALERTS } from './operator.ts'
import { REPAIR_ALERTS } from './repairs.ts'

/** Groups as Prometheus shows them. */
export const ALERT_GROUPS: Readonly<Record<string, readonly Alert[]>> = {
  'podmend-operator': OPERATOR_ALERTS,
  'podmend-repairs': REPAIR_ALERTS,
  'podmend-holds': HOLD_ALERTS,
  'podmend-nodes': NODE_ALERTS,
}

/** Every alert, in the order of the groups. */
export const ALERTS: readonly Alert[] = Object.values(ALERT_GROUPS).flat()

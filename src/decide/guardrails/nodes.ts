/** Guardrails of actions on nodes. Those on images and pods touch no node and pass. */
import type { Plan } from '../verdict.ts'
import type { Guardrail } from './guardrail.ts'

/** Exhaustive: an action on nodes cannot be added without deciding here. */
const touchesNode = (plan: Plan): boolean => {
  switch (plan.type) {
    case 'RewriteImage':
    case 'RecyclePod':
      return false
    case 'RecycleSandbox':
    case 'RestartRuntime':
    case 'FlagNode':
    case 'InstallMountHelper':
      return true
  }
}

/** A storm: so many nodes are unhealthy that one more under repair may be one too many. */
export const tooManyUnhealthy: Guardrail = ({ case: { now }, plan }) =>
  plan && touchesNode(plan)
    ? { reason: 'TooManyUnhealthy', message: 'how many nodes are unhealthy is unknown', lookAgainAt: now }
    : undefined

export const controlPlaneNode: Guardrail = ({ case: { now, facts }, policy, plan }) =>
  plan &&
  touchesNode(plan) &&
  policy.spec.controlPlaneNodes === 'Hold' &&
  !(facts.node?.known && !facts.node.value.controlPlane)
    ? { reason: 'ControlPlaneNode', message: 'the node is not known to be a worker', lookAgainAt: now }
    : undefined

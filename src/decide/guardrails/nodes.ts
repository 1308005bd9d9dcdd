/** Guardrails of actions on nodes. Those on images and pods of workloads touch no node and pass. */
import { heldByAnother } from '../../api/node-lease.ts'
import { formatTime } from '../../api/time.ts'
import { breakerOf } from '../nodes/breaker.ts'
import { LATER, RARELY, SOON } from '../look-again.ts'
import { nodeCauseOf } from '../nodes/node-incident.ts'
import type { Plan } from '../verdict.ts'
import type { Context, Guardrail } from './guardrail.ts'

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

/** A flag without a taint only tells: it takes nothing from the node, so it counts nowhere. */
const onlyTells = (plan: Plan): boolean => plan.type === 'FlagNode' && !plan.taint

/**
 * A storm: so many nodes are unhealthy that one more under repair may be one too many. Of several that fail, one at a
 * time is repaired all the same. A taint is no repair: it waits until fewer nodes are out of service.
 */
export const tooManyUnhealthy: Guardrail = ({ case: c, policy, plan }) => {
  if (!plan || !touchesNode(plan) || onlyTells(plan)) return undefined
  const { nodes, nodesUnderRepair: underRepair = [] } = c
  if (!nodes?.known) {
    const message = `how many nodes are unhealthy is unknown: ${nodes?.why ?? 'nodes are not watched'}`
    return { reason: 'TooManyUnhealthy', message, lookAgainAt: c.now + LATER }
  }
  const about = c.incident.owner.ref.uid
  const taints = plan.type === 'FlagNode'
  const { state, says } = breakerOf({ policy, nodes: nodes.value, underRepair, about, countFlagged: taints })
  if (state === 'Closed' || (state === 'HalfOpen' && !taints)) return undefined
  const waits = taints ? 'a taint would take one more out of service' : 'another node is under repair first'
  return { reason: 'TooManyUnhealthy', message: `${says}; ${waits}`, lookAgainAt: c.now + SOON }
}

export const controlPlaneNode: Guardrail = ({ case: { now, facts }, policy, plan }) => {
  if (!plan || !touchesNode(plan) || policy.spec.controlPlaneNodes === 'Act') return undefined
  const { node } = facts
  if (node?.known && !node.value.controlPlane) return undefined
  const message = node?.known
    ? `node ${node.value.name} runs the control plane; policy ${policy.name} says controlPlaneNodes: Hold`
    : `whether the node runs the control plane is unknown: ${node?.why ?? 'not read'}`
  return { reason: 'ControlPlaneNode', message, lookAgainAt: now + (node?.known ? RARELY : LATER) }
}

/** Somebody keeps new pods away from it, so somebody is at work there. A flag does not disturb them. */
export const cordoned = ({ case: c, plan }: Context): string | undefined =>
  plan &&
  nodeCauseOf(c) !== undefined &&
  plan.type !== 'FlagNode' &&
  c.facts.node?.known &&
  c.facts.node.value.unschedulable
    ? `node ${c.facts.node.value.name} is cordoned: somebody keeps pods away from it, and perhaps works on it`
    : undefined

/** Another remediator works on it, by the lease that they share; `until` it says so, ms since the epoch. */
export const leased = ({ case: c, plan }: Context): { readonly says: string; readonly until: number } | undefined => {
  if (!plan || nodeCauseOf(c) === undefined || plan.type === 'FlagNode' || !c.facts.node?.known) return undefined
  const { name, lease } = c.facts.node.value
  if (lease === undefined) return undefined
  if (!lease.known)
    return { says: `whether another remediator works on node ${name} is unknown: ${lease.why}`, until: c.now + LATER }
  if (!heldByAnother(lease.value, c.now)) return undefined
  const { holder, until } = lease.value
  return { says: `${holder} works on node ${name}: it holds its lease until ${formatTime(until)}`, until }
}

/** Only a restart of its runtime may bring a node back that is not Ready; a flag only tells. */
export const notReady = ({ case: c, plan }: Context): string | undefined =>
  plan &&
  nodeCauseOf(c) !== undefined &&
  plan.type !== 'RestartRuntime' &&
  !onlyTells(plan) &&
  c.facts.node?.known &&
  !c.facts.node.value.ready
    ? `node ${c.facts.node.value.name} is not Ready: nothing but a restart of its runtime could reach it`
    : undefined

import type { PolicyAction } from '../api/policy.ts'
import type { HoldReason } from '../api/reasons.ts'
import type { Case } from './case.ts'
import { nextStep } from './escalation.ts'
import type { Ask } from './facts.ts'
import type { Governed } from './match.ts'
import { nodeCauseOf } from './nodes/node-incident.ts'
import { endedFlagged, planFlagNode } from './nodes/plan-flag-node.ts'
import { planInstallMountHelper } from './nodes/plan-install-mount-helper.ts'
import { underHash, unplanned } from './nodes/plan-node.ts'
import { planRecyclePod, planRecyclePodsOnNode } from './plan-recycle-pod.ts'
import { planRecycleSandbox } from './nodes/plan-recycle-sandbox.ts'
import { planRestartRuntime } from './nodes/plan-restart-runtime.ts'
import { planRewriteImage } from './plan-rewrite-image.ts'
import { hashOfAttempt } from './plan-text.ts'
import { sayUntouched } from './template.ts'
import type { Plan } from './verdict.ts'

/** Why there is no plan; the guardrail of that name holds with the sentence. */
export interface Unplanned {
  readonly reason: HoldReason
  readonly message: string
  /** Whether the policy's next action may still be of use. */
  readonly tryNext: boolean
  /** It is as this action would have it already: where no other has a plan there is nothing to decide. */
  readonly settled?: true
}

export type Planned = { readonly plan: Plan } | Ask | Unplanned

/** An action of the policy whose turn it is. */
export interface Turn {
  readonly action: PolicyAction
  readonly index: number
}

/** A new remedy is one case here: the compiler names the other places. */
const planAction = (c: Case, governed: Governed, turn: Turn): Planned => {
  // No template of such an owner was read: to say that a container does not stand there would mislead.
  const untouched = sayUntouched(c.incident.owner)
  if (untouched !== undefined) return { reason: 'RolloutBlocked', message: untouched, tryNext: false }
  const ofNode = nodeCauseOf(c) !== undefined
  switch (turn.action.type) {
    case 'RewriteImage':
      return ofNode
        ? unplanned('RolloutBlocked', 'no image is concerned: it lies with the node', true)
        : planRewriteImage(c, governed, turn)
    case 'RecyclePod':
      return ofNode ? planRecyclePodsOnNode(c, governed, turn) : planRecyclePod(c, governed, turn)
    case 'RecycleSandbox':
      return planRecycleSandbox(c, governed, turn)
    case 'RestartRuntime':
      return planRestartRuntime(c, governed, turn)
    case 'FlagNode':
      return planFlagNode(c, governed, turn)
    case 'InstallMountHelper':
      return planInstallMountHelper(c, governed, turn)
  }
}

export interface Step {
  readonly planned: Planned
  readonly attempt: number
  readonly escalates: boolean
}

const ofAttempt = (planned: { readonly plan: Plan } | Ask, attempt: number): Planned =>
  'plan' in planned ? { plan: underHash(planned.plan, hashOfAttempt(planned.plan.hash, attempt)) } : planned

/** The plan of the escalation's next step; an action that has nothing to offer here gives way to the one after it. */
export const planNext = (c: Case, governed: Governed): Step => {
  const { from, attempt, escalates } = nextStep(c, governed.policy)
  const ended = endedFlagged(c, governed)
  if (ended) return { planned: ended, attempt, escalates }
  let first: Unplanned | undefined
  for (const [index, action] of governed.policy.spec.actions.entries()) {
    if (index < from) continue
    const planned = planAction(c, governed, { action, index })
    if (!('tryNext' in planned)) return { planned: ofAttempt(planned, attempt), attempt, escalates }
    first = planned.settled ? planned : (first ?? planned)
    if (!planned.tryNext) break
  }
  const none: Unplanned = { reason: 'AttemptsSpent', message: 'the policy has no action left to try', tryNext: false }
  return { planned: first ?? none, attempt, escalates }
}

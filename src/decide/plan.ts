import type { PolicyAction } from '../api/policy.ts'
import type { HoldReason } from '../api/reasons.ts'
import type { Case, PolicyInForce } from './case.ts'
import { nextStep } from './escalation.ts'
import type { Ask } from './facts.ts'
import type { Governed, Matched } from './match.ts'
import { planRecyclePod } from './plan-recycle-pod.ts'
import { planRewriteImage } from './plan-rewrite-image.ts'
import type { Plan } from './verdict.ts'

/** Why there is no plan; the guardrail of that name holds with the sentence. */
export interface Unplanned {
  readonly reason: HoldReason
  readonly message: string
  /** Whether the policy's next action may still be of use. */
  readonly tryNext: boolean
}

export type Planned = { readonly plan: Plan } | Ask | Unplanned

/** A new remedy is one case here: the compiler names the other places. */
const planAction = (
  c: Case,
  policy: PolicyInForce,
  action: PolicyAction,
  index: number,
  matched: readonly Matched[],
): Planned => {
  switch (action.type) {
    case 'RewriteImage':
      return planRewriteImage(c, policy, action, index, matched)
    case 'RecyclePod':
      return planRecyclePod(c, policy, action, index, matched)
    case 'RecycleSandbox':
    case 'RestartRuntime':
    case 'FlagNode':
    case 'InstallMountHelper':
      return {
        reason: 'RolloutBlocked',
        message: `${action.type} needs the node agent, which is not installed`,
        tryNext: true,
      }
  }
}

export interface Step {
  readonly planned: Planned
  readonly attempt: number
  readonly escalates: boolean
}

/** The plan of the escalation's next step; an action that has nothing to offer here gives way to the one after it. */
export const planNext = (c: Case, { policy, matched }: Governed): Step => {
  const { from, attempt, escalates } = nextStep(c, policy)
  let first: Unplanned | undefined
  for (const [index, action] of policy.spec.actions.entries()) {
    if (index < from) continue
    const planned = planAction(c, policy, action, index, matched)
    if (!('tryNext' in planned)) return { planned, attempt, escalates }
    first ??= planned
    if (!planned.tryNext) break
  }
  const none: Unplanned = { reason: 'AttemptsSpent', message: 'the policy has no action left to try', tryNext: false }
  return { planned: first ?? none, attempt, escalates }
}

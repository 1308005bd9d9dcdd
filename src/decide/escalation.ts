import {
  type DecisionInput,
  type PolicyInForce,
  type Ask,
  nodeCauseOf,
  type ApplicablePolicy,
} from '../model/decision-input.ts'
import { sameImage } from '../model/image-reference.ts'
import { incidentId } from '../model/incident.ts'
import { policyOfStep, type Tried, triedSteps } from '../model/remediation-state.ts'
import { placeOf, sayUntouched } from '../remedies/pod-template.ts'
import type { Plan } from '../model/plan.ts'
import { endedFlagged, planFlagNode } from '../remedies/flag-node/plan.ts'
import { planInstallMountHelper } from '../remedies/install-mount-helper/plan.ts'
import { underHash, noPlan } from '../remedies/node-plan.ts'
import { planRecyclePod, planRecyclePodsOnNode } from '../remedies/recycle-pod/plan.ts'
import { planRecycleSandbox } from '../remedies/recycle-sandbox/plan.ts'
import { planRestartRuntime } from '../remedies/restart-runtime/plan.ts'
import { planRewriteImage } from '../remedies/rewrite-image/plan.ts'
import { hashOfAttempt } from '../remedies/text.ts'
import type { NoPlan, Planned, ActionStep } from '../remedies/plan.ts'

export interface NextStep {
  /** Index of the first action that may be planned. */
  readonly from: number
  /** Number of the attempt: one pass through the policy's actions. */
  readonly attempt: number
  /** The step before belongs to the same attempt and did not help: no pause lies between them. */
  readonly escalates: boolean
}

/** Whether the incident is still the one of that step: the same revision, or the one that the step itself made. */
const sameStory = ({ incident }: DecisionInput, { record, step }: Tried): boolean =>
  record.spec.templateHash === incident.templateHash ||
  (step.changes ?? []).some((change) => sameImage(placeOf(incident.owner, change)?.image ?? '', change.to))

export const nextStep = (c: DecisionInput, policy: PolicyInForce): NextStep => {
  const tried = triedSteps(c)
  const last = tried[0]
  const by = last && policyOfStep(last.record, last.step)
  const samePolicy = by?.uid === policy.uid && by.generation === policy.generation
  if (last && samePolicy && sameStory(c, last)) {
    const { state, index, attempt } = last.step
    const didNotHelp = state === 'Ineffective' || state === 'Failed' || state === 'Undone'
    if (didNotHelp && index + 1 < policy.spec.actions.length) return { from: index + 1, attempt, escalates: true }
  }
  const id = incidentId(c.incident.owner.ref.uid, c.incident.area)
  const counted = c.attempts.filter(({ incident }) => incident === id).length
  return { from: 0, attempt: Math.max(counted, ...tried.map(({ step }) => step.attempt)) + 1, escalates: false }
}

/** A new remedy is one case here: the compiler names the other places. */
const planAction = (c: DecisionInput, applicable: ApplicablePolicy, actionStep: ActionStep): Planned => {
  // No template of such an owner was read: to say that a container does not stand there would mislead.
  const untouched = sayUntouched(c.incident.owner)
  if (untouched !== undefined) return { reason: 'RolloutBlocked', message: untouched, tryNext: false }
  const ofNode = nodeCauseOf(c) !== undefined
  switch (actionStep.action.type) {
    case 'RewriteImage':
      return ofNode
        ? noPlan('RolloutBlocked', 'no image is concerned: it lies with the node', true)
        : planRewriteImage(c, applicable, actionStep)
    case 'RecyclePod':
      return ofNode ? planRecyclePodsOnNode(c, applicable, actionStep) : planRecyclePod(c, applicable, actionStep)
    case 'RecycleSandbox':
      return planRecycleSandbox(c, applicable, actionStep)
    case 'RestartRuntime':
      return planRestartRuntime(c, applicable, actionStep)
    case 'FlagNode':
      return planFlagNode(c, applicable, actionStep)
    case 'InstallMountHelper':
      return planInstallMountHelper(c, applicable, actionStep)
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
export const planNext = (c: DecisionInput, applicable: ApplicablePolicy): Step => {
  const { from, attempt, escalates } = nextStep(c, applicable.policy)
  const ended = endedFlagged(c, applicable)
  if (ended) return { planned: ended, attempt, escalates }
  let first: NoPlan | undefined
  for (const [index, action] of applicable.policy.spec.actions.entries()) {
    if (index < from) continue
    const planned = planAction(c, applicable, { action, index })
    if (!('tryNext' in planned)) return { planned: ofAttempt(planned, attempt), attempt, escalates }
    first = planned.settled ? planned : (first ?? planned)
    if (!planned.tryNext) break
  }
  const none: NoPlan = { reason: 'AttemptsSpent', message: 'the policy has no action left to try', tryNext: false }
  return { planned: first ?? none, attempt, escalates }
}

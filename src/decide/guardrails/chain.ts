/**
 * All guardrails, in the order in which they are checked. The first objection holds. A new guardrail is one entry here.
 */
import type { Ask } from '../../model/decision-input.ts'
import type { HOLD_REASONS, HoldReason } from '../../model/reasons.ts'
import { factUnknown, targetUnverified } from './evidence.ts'
import type { Context, Guardrail, Objection } from './guardrail.ts'
import {
  controlPlaneNode,
  editReverted,
  managedElsewhere,
  rolloutBlocked,
  templateDiffers,
  tooManyUnhealthy,
} from './target.ts'
import {
  alreadyRecovered,
  attemptsSpent,
  awaitingApproval,
  budgetSpent,
  coolingDown,
  inFlight,
  namespaceProtected,
  notFailingLongEnough,
  observeOnly,
  operatorBudgetSpent,
  operatorPaused,
  optedOut,
  policySuspended,
} from './permission.ts'

export interface Link {
  readonly reason: HoldReason
  readonly check: Guardrail
  /** When it holds, as a clause for the documentation. */
  readonly when: string
  /** Also stops an undo. */
  readonly stopsEveryWrite?: true
  /** It is temporary: an undo that it stops waits. */
  readonly undoWaits?: true
  /** Holds regardless of what the agent of a node would see. */
  readonly withoutAgent?: true
  /** What it checks is watched or counted in memory, so reading facts again lifts it no sooner. */
  readonly watched?: true
  /** For a policy that does not act: also reports what else would hold it. */
  readonly foresees?: true
  /** Held until a person acts: worth requests that explain why it fails, or also where the permanent fix is. */
  readonly explains?: 'Cause' | 'CauseAndPlace'
  /** The phase of a held record; default `Held`. */
  readonly phase?: 'Observed' | 'AwaitingApproval'
  /** Type of its Event, and which objects get one. */
  readonly event: readonly [type: 'Normal' | 'Warning', on: 'none' | 'owner' | 'both']
  /** The alert if it lasts. `Deliberate`: a person intended it. `Passing`: it ends by itself or turns into another. */
  readonly alert: `Podmend${string}` | 'Deliberate' | 'Passing'
}

/** One entry for each hold reason, in order; the compiler rejects anything else. */
type Chain<Reasons extends readonly HoldReason[]> = {
  readonly [I in keyof Reasons]: Link & { readonly reason: Reasons[I] }
}

const CHAIN: Chain<typeof HOLD_REASONS> = [
  {
    reason: 'OperatorPaused',
    check: operatorPaused,
    when: "the annotation podmend.io/paused on the operator's namespace pauses the whole operator",
    stopsEveryWrite: true,
    undoWaits: true,
    withoutAgent: true,
    watched: true,
    event: ['Normal', 'owner'],
    alert: 'PodmendPaused',
  },
  {
    reason: 'OperatorBudgetSpent',
    check: operatorBudgetSpent,
    when: 'the operator has used its budget of remediations per hour',
    withoutAgent: true,
    watched: true,
    event: ['Warning', 'both'],
    alert: 'PodmendBudgetSpent',
  },
  {
    reason: 'PolicySuspended',
    check: policySuspended,
    when: 'the policy is suspended',
    stopsEveryWrite: true,
    undoWaits: true,
    withoutAgent: true,
    watched: true,
    event: ['Normal', 'owner'],
    alert: 'Deliberate',
  },
  {
    reason: 'ObserveOnly',
    check: observeOnly,
    when: 'the policy is in mode Observe; the record shows what it would do',
    stopsEveryWrite: true,
    foresees: true,
    explains: 'Cause',
    phase: 'Observed',
    watched: true,
    event: ['Normal', 'owner'],
    alert: 'Deliberate',
  },
  {
    reason: 'NamespaceProtected',
    check: namespaceProtected,
    when: 'the namespace is protected and the policy does not name it',
    stopsEveryWrite: true,
    event: ['Normal', 'owner'],
    alert: 'Deliberate',
  },
  {
    reason: 'OptedOut',
    check: optedOut,
    when: 'the pod, its owner, its namespace or its node is marked podmend.io/exclude',
    stopsEveryWrite: true,
    event: ['Normal', 'owner'],
    alert: 'Deliberate',
  },
  {
    reason: 'NotFailingLongEnough',
    check: notFailingLongEnough,
    when: 'the pods have not been failing for as long as the policy asks',
    withoutAgent: true,
    watched: true,
    event: ['Normal', 'owner'],
    alert: 'Passing',
  },
  {
    reason: 'AlreadyRecovered',
    check: alreadyRecovered,
    when: 'no pod fails any more',
    event: ['Normal', 'none'],
    alert: 'Passing',
  },
  {
    reason: 'InFlight',
    check: inFlight,
    when: 'another remediation of the same workload or node is in progress, or the node is cordoned',
    event: ['Normal', 'owner'],
    alert: 'Passing',
  },
  // Before the cooldown, whose message would announce another attempt.
  {
    reason: 'EditReverted',
    check: editReverted,
    when: 'someone reverted what podmend wrote',
    event: ['Warning', 'both'],
    alert: 'PodmendEditReverted',
  },
  {
    reason: 'CoolingDown',
    check: coolingDown,
    when: 'the cooldown since the last attempt at this incident has not passed',
    watched: true,
    event: ['Normal', 'owner'],
    alert: 'Passing',
  },
  {
    reason: 'AttemptsSpent',
    check: attemptsSpent,
    when: 'the attempts at this incident within 24 hours are used up, or no action is left; a person is needed',
    withoutAgent: true,
    watched: true,
    event: ['Warning', 'both'],
    alert: 'PodmendGaveUp',
  },
  {
    reason: 'ManagedElsewhere',
    check: managedElsewhere,
    when: 'GitOps or another operator manages the workload and would revert the change',
    explains: 'CauseAndPlace',
    event: ['Normal', 'owner'],
    alert: 'PodmendHeldTooLong',
  },
  {
    reason: 'TemplateDiffers',
    check: templateDiffers,
    when: "the failing container differs from the workload's pod template",
    event: ['Normal', 'owner'],
    alert: 'PodmendHeldTooLong',
  },
  {
    reason: 'RolloutBlocked',
    check: rolloutBlocked,
    when: 'the change would not reach the broken pods, or the node is not Ready and the action cannot bring it back',
    event: ['Warning', 'owner'],
    alert: 'PodmendHeldTooLong',
  },
  {
    reason: 'FactUnknown',
    check: factUnknown,
    when: 'something that the decision needs cannot be read, only an Event reports it, the agent on the node contradicts it, or a watch is out of date',
    undoWaits: true,
    event: ['Warning', 'owner'],
    alert: 'PodmendHeldTooLong',
  },
  {
    reason: 'BudgetSpent',
    check: budgetSpent,
    when: 'the policy has used its budget of remediations at once or per hour',
    watched: true,
    event: ['Warning', 'both'],
    alert: 'PodmendBudgetSpent',
  },
  {
    reason: 'TooManyUnhealthy',
    check: tooManyUnhealthy,
    when: 'more nodes are unhealthy at once than the policy allows: this one waits until another recovers',
    watched: true,
    event: ['Warning', 'both'],
    alert: 'PodmendBreakerOpen',
  },
  {
    reason: 'ControlPlaneNode',
    check: controlPlaneNode,
    when: 'the node runs the control plane and the policy does not act there',
    event: ['Normal', 'owner'],
    alert: 'PodmendHeldTooLong',
  },
  {
    reason: 'TargetUnverified',
    check: targetUnverified,
    when: 'the registry does not confirm the new image for the platform of the node',
    explains: 'Cause',
    event: ['Warning', 'owner'],
    alert: 'PodmendHeldTooLong',
  },
  {
    reason: 'AwaitingApproval',
    check: awaitingApproval,
    when: 'the plan waits for approval',
    phase: 'AwaitingApproval',
    watched: true,
    event: ['Normal', 'both'],
    alert: 'PodmendAwaitingApproval',
  },
]

export const GUARDRAILS: readonly Link[] = CHAIN

const BY_REASON: ReadonlyMap<HoldReason, Link> = new Map(GUARDRAILS.map((link) => [link.reason, link]))

export const linkOf = (reason: HoldReason): Link => {
  const link = BY_REASON.get(reason)
  if (!link) throw new Error(`no guardrail is named ${reason}`)
  return link
}

/** The first objection, or a request for facts that a guardrail needs; undefined if all pass. */
export const firstObjection = (context: Context, links: readonly Link[] = GUARDRAILS): Objection | Ask | undefined => {
  for (const [i, { foresees, check }] of links.entries()) {
    const said = check(context)
    if (!said) continue
    return foresees && !('ask' in said) ? foresee(said, context, links.slice(i + 1)) : said
  }
  return undefined
}

/** A policy in mode Observe also reports what would hold it if it acted, which its owner wants to know beforehand. */
const foresee = (observing: Objection, context: Context, rest: readonly Link[]): Objection | Ask => {
  const next = context.plan ? firstObjection(context, rest) : undefined
  if (!next || 'ask' in next) return next ?? observing
  return {
    reason: observing.reason,
    foreseen: next.reason,
    message: `${observing.message}; it would be held by ${next.reason}: ${next.message}`,
    requeueAt: Math.min(observing.requeueAt, next.requeueAt),
  }
}

/**
 * Everything that may hold the operator back, in the order in which it is asked. The first to object holds. A new
 * guardrail is one line here.
 */
import type { Ask } from '../../model/decision-input.ts'
import type { HoldReason } from '../../model/reasons.ts'
import { factUnknown } from './evidence.ts'
import type { Context, Guardrail, Objection } from './guardrail.ts'
import { controlPlaneNode, tooManyUnhealthy } from './nodes.ts'
import { namespaceProtected, observeOnly, operatorPaused, optedOut, policySuspended } from './scope.ts'
import { targetUnverified } from './target-unverified.ts'
import {
  alreadyRecovered,
  attemptsSpent,
  awaitingApproval,
  budgetSpent,
  coolingDown,
  inFlight,
  notFailingLongEnough,
  operatorBudgetSpent,
} from './timing.ts'
import { editReverted, managedElsewhere, rolloutBlocked, templateDiffers } from './workload.ts'

export interface Link {
  readonly reason: HoldReason
  /** When it holds, in a phrase: the table of guardrails in the documents is made of these. */
  readonly when: string
  readonly check: Guardrail
  /** Whether it is asked again of a step whose intent stood on the record before a crash: all but those on time and number. */
  readonly again: boolean
}

type Row = (reason: HoldReason, when: string, check: Guardrail) => Link
const asked: Row = (reason, when, check) => ({ reason, when, check, again: true })
const atFirst: Row = (reason, when, check) => ({ reason, when, check, again: false })

export const GUARDRAILS: readonly Link[] = [
  asked('OperatorPaused', 'a person paused the whole operator', operatorPaused),
  atFirst('OperatorBudgetSpent', 'the operator began as much within the hour as it may', operatorBudgetSpent),
  asked('PolicySuspended', 'the policy is suspended', policySuspended),
  asked('ObserveOnly', 'the policy only observes: what it would do stands in the record', observeOnly),
  asked('NamespaceProtected', 'the namespace is protected and the policy does not name it', namespaceProtected),
  asked('OptedOut', 'the pod, its owner, its namespace or its node opted out', optedOut),
  atFirst('NotFailingLongEnough', 'the pods have not failed for as long as the policy waits', notFailingLongEnough),
  asked('AlreadyRecovered', 'no pod fails any more', alreadyRecovered),
  atFirst(
    'InFlight',
    'another remedy for the same owner is under way, or somebody works on the node (it is cordoned)',
    inFlight,
  ),
  atFirst('CoolingDown', 'the last attempt at this incident is too recent', coolingDown),
  atFirst('AttemptsSpent', 'the incident has had all its attempts within 24 hours', attemptsSpent),
  asked('EditReverted', 'somebody changed our value back', editReverted),
  asked('ManagedElsewhere', 'GitOps or another operator would write the workload back', managedElsewhere),
  asked('TemplateDiffers', 'what fails is not what the owner’s template says', templateDiffers),
  asked(
    'RolloutBlocked',
    'an edit would not reach the broken pods, or the node is not Ready and this would not bring it back',
    rolloutBlocked,
  ),
  asked(
    'FactUnknown',
    'something that the decision needs cannot be seen, or only an Event says it, or the agent on the node sees otherwise',
    factUnknown,
  ),
  atFirst('BudgetSpent', 'the policy has as much under way, or begun within the hour, as it may', budgetSpent),
  atFirst(
    'TooManyUnhealthy',
    'so many nodes are unhealthy that this one has to wait until another is back',
    tooManyUnhealthy,
  ),
  asked('ControlPlaneNode', 'the node runs the control plane', controlPlaneNode),
  asked('TargetUnverified', 'the new image is not confirmed to be there for the node’s platform', targetUnverified),
  asked('AwaitingApproval', 'a person must approve the plan first', awaitingApproval),
]

/** The first objection among guardrails, or what one of them must know first; undefined where all let pass. */
export const firstObjection = (context: Context, links: readonly Link[] = GUARDRAILS): Objection | Ask | undefined => {
  for (const [i, { reason, check }] of links.entries()) {
    const said = check(context)
    if (!said) continue
    return reason === 'ObserveOnly' && !('ask' in said) ? foresee(said, context, links.slice(i + 1)) : said
  }
  return undefined
}

/** A policy that observes also tells what would hold it if it did act: that is what its owner wants to read before. */
const foresee = (observing: Objection, context: Context, rest: readonly Link[]): Objection | Ask => {
  const next = context.plan ? firstObjection(context, rest) : undefined
  if (!next || 'ask' in next) return next ?? observing
  return {
    reason: observing.reason,
    message: `${observing.message}; it would be held by ${next.reason}: ${next.message}`,
    requeueAt: Math.min(observing.requeueAt, next.requeueAt),
  }
}

/**
 * Guardrails on what would be written to: whether an edit of a workload would reach its broken pods and stay, and whether
 * a node may be acted on.
 */
import type { ActionType } from '../../api/policy/actions.ts'
import type { RemediationStep } from '../../api/remediation.ts'
import { LATER, nodeCauseOf, type NodeState, type PolicyInForce, RARELY, SOON } from '../../model/decision-input.ts'
import { formatTime } from '../../model/duration.ts'
import type { Finding, Owner } from '../../model/incident.ts'
import { sameImage } from '../../model/image-reference.ts'
import { selects } from '../../model/label-selector.ts'
import { FLAG_PREFIX, ORIGINAL_IMAGE_ANNOTATION, REVERTED_IMAGE_ANNOTATION } from '../../model/names.ts'
import { heldByAnother } from '../../model/node-lease.ts'
import type { Plan } from '../../model/plan.ts'
import {
  isUndo,
  policyOfStep,
  readOriginals,
  readReverted,
  tookBack,
  type Tried,
  triedSteps,
} from '../../model/remediation-state.ts'
import { remedyOf } from '../../remedies/list.ts'
import { nameOfOwner, placeOf, sayUntouched, sayWriter } from '../../remedies/pod-template.ts'
import { uidsOf, wrotePodsOnly } from '../../remedies/rewrite-image/verify.ts'
import type { Context, Guardrail, Objection } from './guardrail.ts'

/** The failing container differs from the owner's template: an injected sidecar, a webhook's rewrite, a repaired revision. */
export const templateDiffers: Guardrail = ({ case: { now }, noPlan }) =>
  noPlan?.reason === 'TemplateDiffers'
    ? { reason: 'TemplateDiffers', message: noPlan.message, requeueAt: now + LATER }
    : undefined

export const rolloutBlocked: Guardrail = (context) => {
  const { case: c, noPlan } = context
  const { now, incident } = c
  const unready = notReady(context)
  if (unready !== undefined) return { reason: 'RolloutBlocked', message: unready, requeueAt: now + LATER }
  const { owner } = incident
  const message =
    sayUntouched(owner) ?? owner.blocked ?? (noPlan?.reason === 'RolloutBlocked' ? noPlan.message : undefined)
  return message === undefined ? undefined : { reason: 'RolloutBlocked', message, requeueAt: now + RARELY }
}

/** Helm alone does not hold: it writes only at its next upgrade, and the record states the permanent fix. */
export const managedElsewhere: Guardrail = ({ case: { now, incident }, policy }) => {
  if (policy.spec.managedWorkloads === 'Act') return undefined
  const manager = incident.owner.managers.find(({ writesBack }) => writesBack)
  if (!manager) return undefined
  const message = `${manager.name} manages ${nameOfOwner(incident.owner)} and would revert the change (${manager.seenBy}); change it at the source: ${manager.editAt}`
  return { reason: 'ManagedElsewhere', message, requeueAt: now + RARELY }
}

type Change = NonNullable<RemediationStep['changes']>[number]

/** We wrote it, and no recorded undo of ours reverted it. */
const stands = ({ record, step }: Tried): boolean =>
  (step.state === 'Done' || step.state === 'Succeeded' || step.state === 'Ineffective') &&
  !isUndo(step) &&
  !record.status?.steps?.some((later) => tookBack(later, step))

/**
 * The change of a step that was reverted: its `from` image is back and fails. If the step wrote to no template, only the
 * pods count that it patched.
 */
const takenBack = ({ case: { incident }, matched }: Context, { step }: Tried): Change | undefined =>
  step.changes?.find((change) => {
    const image = placeOf(incident.owner, change)?.image
    if (image === undefined || !sameImage(image, change.from)) return false
    const uids = wrotePodsOnly(incident.owner, step) ? uidsOf(step) : undefined
    return matched.some(
      ({ failing, finding }) =>
        (uids === undefined || uids.has(failing.pod.metadata.uid)) &&
        finding.container === change.container &&
        finding.init === change.init &&
        sameImage(finding.image, change.from),
    )
  })

/** The annotations by which the workload remembers that this image was rewritten, or that a person restored it. */
const marksOf = (
  { annotations }: Owner,
  { container, image }: Pick<Finding, 'container' | 'image'>,
): readonly string[] =>
  [
    [ORIGINAL_IMAGE_ANNOTATION, readOriginals(annotations)] as const,
    [REVERTED_IMAGE_ANNOTATION, readReverted(annotations)] as const,
  ].flatMap(([name, images]) => (sameImage(images[container] ?? '', image) ? [name] : []))

const sayRemove = (marks: readonly string[]): string => `remove annotation ${marks.join(' and ')}`

/** How a person can allow another attempt: only an existing policy can be changed, and the annotations outlive the record. */
const wayOut = ({ case: c }: Context, { record, step }: Tried, { container, from: image }: Change): string => {
  const { name, uid } = policyOfStep(record, step)
  const change = c.policies.some((policy) => policy.uid === uid) ? `change policy ${name} or ` : ''
  const marks = marksOf(c.incident.owner, { container, image })
  const and = marks.length > 0 ? ` and ${sayRemove(marks)}` : ''
  return `to try again, ${change}delete Remediation ${record.metadata.name}${and}`
}

/**
 * Our value was reverted, by someone who knows better or does not know about us; do not overwrite it again. Holds for
 * every policy until a person changes the policy that wrote it (another may have created the record, and another may
 * apply now) or deletes the record. Our own undo of an ineffective remedy is on the record and is not a revert;
 * `kubectl mend undo` is one.
 */
export const editReverted: Guardrail = (context) => {
  const { case: c } = context
  const written = triedSteps(c).filter(stands)
  for (const tried of written) {
    const by = policyOfStep(tried.record, tried.step)
    const lifted = c.policies.some(({ uid, generation }) => uid === by.uid && generation !== by.generation)
    const change = lifted ? undefined : takenBack(context, tried)
    if (!change) continue
    const { owner } = c.incident
    const message =
      `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} back from ${change.to} to ${change.from}; ` +
      wayOut(context, tried, change)
    return { reason: 'EditReverted', message, requeueAt: c.now + RARELY }
  }
  return revertedLongAgo(context, written)
}

/**
 * The record of the rewrite has expired or was deleted, but annotations of the workload show that the failing image was
 * rewritten once and put back by hand. They are removed by hand too: no policy is left whose change could lift it.
 */
const revertedLongAgo = (
  { case: { incident, now }, matched }: Context,
  written: readonly Tried[],
): Objection | undefined => {
  const { owner } = incident
  const isRecorded = ({ container, init, image }: Finding): boolean =>
    written.some(({ step }) =>
      step.changes?.some(
        (change) => change.container === container && change.init === init && sameImage(change.from, image),
      ),
    )
  const finding = matched
    .map((one) => one.finding)
    .find((one) => {
      const place = placeOf(owner, one)
      return (
        place !== undefined && sameImage(place.image, one.image) && marksOf(owner, one).length > 0 && !isRecorded(one)
      )
    })
  if (!finding) return undefined
  const name = nameOfOwner(owner)
  const message =
    `${sayWriter(owner, finding)} changed ${finding.container} of ${name} back to ${finding.image}, which podmend had rewritten; ` +
    `to try again, ${sayRemove(marksOf(owner, finding))} from ${name}`
  return { reason: 'EditReverted', message, requeueAt: now + RARELY }
}

/** The effect of a plan on a node: none, a mark (which may take it out of service), or a repair. */
const effectOf = (plan: Plan): 'Nothing' | 'Informs' | 'TakesOutOfService' | 'Repairs' => {
  const { onNode, takesOutOfService } = remedyOf(plan.type)
  if (onNode !== 'Marks') return onNode
  return takesOutOfService?.(plan) ? 'TakesOutOfService' : 'Informs'
}

/** Whether an action occupies its node; a mark does not disturb other work there. */
export const occupiesNode = (action: ActionType): boolean => remedyOf(action).onNode !== 'Marks'

/**
 * A storm: so many nodes are unhealthy that repairing another one may be too much. Failing nodes are then repaired one at
 * a time. A taint is not a repair: it waits until fewer nodes are out of service.
 */
export const tooManyUnhealthy: Guardrail = ({ case: c, policy, plan }) => {
  const effect = plan ? effectOf(plan) : 'Nothing'
  // A mark without a taint does not affect the node, so it does not count.
  if (effect === 'Nothing' || effect === 'Informs') return undefined
  const { nodes, nodesUnderRepair: underRepair = [] } = c
  if (!nodes?.known) {
    const message = `the number of unhealthy nodes is unknown: ${nodes?.why ?? 'nodes are not watched'}`
    return { reason: 'TooManyUnhealthy', message, requeueAt: c.now + LATER }
  }
  const about = c.incident.owner.ref.uid
  const taints = effect === 'TakesOutOfService'
  const { state, says } = breakerOf({ policy, nodes: nodes.value, underRepair, about, countFlagged: taints })
  if (state === 'Closed' || (state === 'HalfOpen' && !taints)) return undefined
  const waits = taints ? 'a taint would take one more out of service' : 'another node is being repaired'
  return { reason: 'TooManyUnhealthy', message: `${says}; ${waits}`, requeueAt: c.now + SOON }
}

export const controlPlaneNode: Guardrail = ({ case: { now, facts }, policy, plan }) => {
  if (!plan || effectOf(plan) === 'Nothing' || policy.spec.controlPlaneNodes === 'Act') return undefined
  const { node } = facts
  if (node?.known && !node.value.controlPlane) return undefined
  const message = node?.known
    ? `node ${node.value.name} runs the control plane; policy ${policy.name} has controlPlaneNodes: Hold`
    : `whether the node runs the control plane is unknown: ${node?.why ?? 'not read'}`
  return { reason: 'ControlPlaneNode', message, requeueAt: now + (node?.known ? RARELY : LATER) }
}

/** A cordoned node may be under maintenance. A flag does not disturb that. */
export const cordoned = ({ case: c, plan }: Context): string | undefined =>
  plan &&
  nodeCauseOf(c) !== undefined &&
  occupiesNode(plan.type) &&
  c.facts.node?.known &&
  c.facts.node.value.unschedulable
    ? `node ${c.facts.node.value.name} is cordoned: someone may be working on it`
    : undefined

/** Another remediator works on it, by the lease that they share; `until` it says so, ms since the epoch. */
export const leased = ({ case: c, plan }: Context): { readonly says: string; readonly until: number } | undefined => {
  if (!plan || nodeCauseOf(c) === undefined || !occupiesNode(plan.type) || !c.facts.node?.known) return undefined
  const { name, lease } = c.facts.node.value
  if (lease === undefined) return undefined
  if (!lease.known)
    return {
      says: `whether another remediator is working on node ${name} is unknown: ${lease.why}`,
      until: c.now + LATER,
    }
  if (!heldByAnother(lease.value, c.now)) return undefined
  const { holder, until } = lease.value
  return {
    says: `${holder} is working on node ${name}: it holds the node's lease, until ${formatTime(until)} unless it renews it`,
    until,
  }
}

/** Only a restart of its runtime may repair a node that is not Ready; a flag only informs. */
const notReady = ({ case: c, plan }: Context): string | undefined =>
  plan &&
  nodeCauseOf(c) !== undefined &&
  !remedyOf(plan.type).revivesNode &&
  effectOf(plan) !== 'Informs' &&
  c.facts.node?.known &&
  !c.facts.node.value.ready
    ? `node ${c.facts.node.value.name} is not Ready: only a restart of its runtime could reach it`
    : undefined

// How many nodes are unhealthy, against how many may be: the storm breaker of remedies on nodes.

export interface Breaker {
  /**
   * Closed: no more nodes are unhealthy than allowed. Otherwise repairs run one at a time, or nothing would ever recover:
   * half open while none is in progress, so that one may begin; open while one is, so that the others wait.
   */
  readonly state: 'Closed' | 'HalfOpen' | 'Open'
  /** A sentence: how many nodes are unhealthy, and the limit. */
  readonly says: string
}

/** `30%` or `2` of `total`. A percentage is rounded up; at least 1. */
export const nodeLimit = (limit: string, total: number): number => {
  const number = Number.parseInt(limit, 10)
  return Math.max(1, limit.endsWith('%') ? Math.ceil((number * total) / 100) : number)
}

interface Storm {
  readonly policy: PolicyInForce
  readonly nodes: readonly NodeState[]
  /** uids of nodes with a remedy in progress, by any policy. */
  readonly underRepair: readonly string[]
  /** uid of the node to repair, which is not healthy either. */
  readonly about?: string
  /** Nodes that are flagged keep pods away. */
  readonly countFlagged?: boolean
}

const isFlagged = ({ labels }: NodeState): boolean => Object.keys(labels).some((key) => key.startsWith(FLAG_PREFIX))

/** Over the nodes that the policy's nodeSelector selects; others do not count, whatever happens on them. */
export const breakerOf = ({ policy, nodes, underRepair, about, countFlagged = false }: Storm): Breaker => {
  const { match, limits } = policy.spec
  const all = nodes.filter(({ labels }) => !match.nodeSelector || selects(match.nodeSelector, labels))
  const limit = nodeLimit(limits.maxUnhealthyNodes, all.length)
  const repaired = new Set(underRepair)
  const isBusy = ({ uid }: NodeState): boolean => uid !== about && repaired.has(uid)
  const unhealthy = all.filter(
    (node) => !node.ready || isBusy(node) || node.uid === about || (countFlagged && isFlagged(node)),
  ).length
  const says = `${unhealthy} of ${all.length} nodes are unhealthy or under repair; policy ${policy.name} allows ${limit} (maxUnhealthyNodes ${limits.maxUnhealthyNodes})`
  if (unhealthy <= limit) return { state: 'Closed', says }
  return { state: all.some(isBusy) ? 'Open' : 'HalfOpen', says }
}

/** The worst state over all policies that act on nodes, as the metric value: 0 closed, 1 half open, 2 open. */
export const breakerState = (
  policies: readonly PolicyInForce[],
  nodes: readonly NodeState[],
  underRepair: readonly string[],
): 0 | 1 | 2 => {
  const states = policies
    .filter(({ spec }) => spec.actions.some(({ type }) => remedyOf(type).onNode === 'Repairs'))
    .map((policy) => breakerOf({ policy, nodes, underRepair }).state)
  return states.includes('Open') ? 2 : states.includes('HalfOpen') ? 1 : 0
}

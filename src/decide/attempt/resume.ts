/** An intent stands on the record, its outcome does not: the process ended between. The write may or may not have come through. */
import type { RemediationStep } from '../../api/remediation.ts'
import {
  type Ask,
  askFor,
  type DecisionInput,
  LATER,
  type PolicyInForce,
  type ApplicablePolicy,
} from '../../model/decision-input.ts'
import { parseDuration } from '../../model/duration.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { Plan, Verdict } from '../../model/plan.ts'
import { policyRefOf, podsOf, policyOf, type InProgress } from '../../model/remediation-state.ts'
import { imageIn, nameOfOwner } from '../../remedies/pod-template.ts'
import { changesNow, leavesAllAsIs, podsToPatch, rewriteImagePlan } from '../../remedies/rewrite-image/plan.ts'
import { uidsOf, wrotePodsOnly } from '../../remedies/rewrite-image/verify.ts'
import { diffOf } from '../../remedies/text.ts'
import { firstObjection, GUARDRAILS } from '../guardrails/chain.ts'
import { matches } from '../match.ts'

/** Asked again of a step whose intent stood on the record: all but those on time and number. */
export const AGAIN = GUARDRAILS.filter(({ again }) => again)
/** Of a write that came through only the pods' deletion may be left: what stops every write stops it. */
const STOPS = GUARDRAILS.filter(({ reason }) =>
  ['OperatorPaused', 'PolicySuspended', 'ObserveOnly', 'OptedOut'].includes(reason),
)

interface Rebuilt {
  readonly plan: Plan
  /** The edit is there already. */
  readonly written: boolean
  /** Nothing of it is left to do. */
  readonly complete: boolean
}

/**
 * Goes on with a begun step, or says that all of it was written. The plan is the record's, set upon the owner as it is
 * now: a change that was written already has `was` equal to `to`, and pods that are gone are left out.
 */
export const resume = (c: DecisionInput, inProgress: InProgress): Verdict | 'Written' => {
  const { record, step } = inProgress
  const policy = policyOf(c, record)
  const by = policyRefOf(record)
  const rebuilt = rebuild(c, inProgress, policy)
  if ('ask' in rebuilt) return { kind: 'Ask', facts: rebuilt.ask }
  if ('kind' in rebuilt) return rebuilt
  const { plan, written, complete } = rebuilt
  if (complete && written) return 'Written'
  if (!policy) return withdrawn(c, 'PolicySuspended', `policy ${by.name} is gone`)
  const recovered = !written && (complete || c.incident.pods.length === 0)
  if (recovered) return withdrawn(c, 'Recovered', `no pod of ${nameOfOwner(c.incident.owner)} fails any more`)

  const applicable = written ? { matched: [] } : stillAnswers(c, policy)
  if ('ask' in applicable) return { kind: 'Ask', facts: applicable.ask }
  if ('kind' in applicable) return applicable
  const objection = firstObjection({ case: c, policy, ...applicable, plan, escalates: true }, written ? STOPS : AGAIN)
  if (objection && 'ask' in objection) return { kind: 'Ask', facts: objection.ask }
  const { diagnosis } = c
  if (objection?.ends !== undefined) return withdrawn(c, objection.ends, objection.message)
  if (objection) {
    const message = `begun but not ${written ? 'completed' : 'written'}: ${objection.message}`
    return { kind: 'Hold', policy: by, ...objection, message, plan, diagnosis }
  }
  return { kind: 'Act', policy: by, plan, attempt: step.attempt, resume: true, diagnosis }
}

export const withdrawn = (c: DecisionInput, reason: string, why: string): Verdict => ({
  kind: 'Verify',
  outcome: 'Cancelled',
  reason,
  message: `begun but not written: ${why}`,
  requeueAt: c.now,
})

/** The policy may have been narrowed since the intent. */
const stillAnswers = (c: DecisionInput, policy: PolicyInForce): Pick<ApplicablePolicy, 'matched'> | Ask | Verdict =>
  matches(c, policy, true) ?? withdrawn(c, 'PolicySuspended', `policy ${policy.name} does not answer to it any more`)

const rebuild = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Rebuilt | Ask | Verdict => {
  const { step } = inProgress
  const { keepsBrokenPods, patchesPods } = c.incident.owner
  const needsPods = step.action === 'RecyclePod' || keepsBrokenPods || patchesPods === true
  const ask = needsPods ? askFor(c.facts, [podsOf(inProgress)]) : undefined
  if (ask) return ask
  const { pods } = c.facts
  if (needsPods && !pods?.known) {
    const message = `begun; what is left to do cannot be seen: ${pods?.why ?? 'the pods were not read'}`
    const by = policyRefOf(inProgress.record)
    const requeueAt = c.now + LATER
    return { kind: 'Hold', policy: by, reason: 'FactUnknown', message, requeueAt, diagnosis: c.diagnosis }
  }
  return step.action === 'RecyclePod' ? rebuildRecycle(c, inProgress, policy) : rebuildRewrite(c, inProgress, policy)
}

export const timeoutOf = ({ step }: InProgress, policy: PolicyInForce | undefined): number =>
  parseDuration(policy?.spec.actions[step.index]?.timeout ?? '5m')

const rebuildRewrite = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Rebuilt | Verdict => {
  const { owner, pods: failing } = c.incident
  const { step, record } = inProgress
  const changes = changesNow(c, inProgress)
  if ('kind' in changes) return changes
  const uids = new Set(failing.map(({ pod }) => pod.metadata.uid))
  const pods = c.facts.pods?.known ? c.facts.pods.value : []
  const base = {
    index: step.index,
    generation: policyRefOf(record).generation,
    timeoutMs: timeoutOf(inProgress, policy),
  }
  const podsOnly = wrotePodsOnly(owner, step)
  const left = { ...podsToPatch(owner, pods, uids, changes), ...(podsOnly && { podsOnly }) }
  const plan = { ...rewriteImagePlan(owner, base, changes, left), hash: step.planHash }
  const written = podsOnly ? podsHaveIt(pods, step) : changes.every(({ was, to }) => sameImage(was, to))
  return { plan, written, complete: leavesAllAsIs(plan) }
}

/** Where no template can tell, one of the pods that were to be written to does. */
const podsHaveIt = (pods: readonly Pod[], step: RemediationStep): boolean => {
  const named = uidsOf(step)
  return pods.some(
    (pod) =>
      named.has(pod.metadata.uid) && step.changes?.some((change) => sameImage(imageIn(pod, change) ?? '', change.to)),
  )
}

const rebuildRecycle = (c: DecisionInput, inProgress: InProgress, policy: PolicyInForce | undefined): Rebuilt => {
  const { step } = inProgress
  const named = new Set(step.pods?.map(({ uid }) => uid))
  // Whatever a record says: what nothing makes anew is not deleted.
  const pods = (c.facts.pods?.known && c.incident.owner.recreatesPods ? c.facts.pods.value : [])
    .map(({ metadata }) => metadata)
    .filter(({ uid, deletionTimestamp }) => named.has(uid) && deletionTimestamp === undefined)
    .map(({ namespace = '', name, uid, resourceVersion }) => ({ namespace, name, uid, resourceVersion }))
  const { ref: target } = c.incident.owner
  const method = policy?.spec.actions[step.index]?.recyclePod?.method ?? 'Delete'
  const diff = diffOf(target, [], pods)
  const plan: Plan = {
    type: 'RecyclePod',
    index: step.index,
    hash: step.planHash,
    diff,
    timeoutMs: timeoutOf(inProgress, policy),
    target,
    method,
    pods,
  }
  return { plan, written: pods.length < named.size, complete: pods.length === 0 }
}

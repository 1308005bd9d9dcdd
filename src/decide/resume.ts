/** An intent stands on the record, its outcome does not: the process ended between. The write may or may not have come through. */
import { parseDuration } from '../api/duration.ts'
import { sameImage } from '../api/image-reference.ts'
import type { UnderWay } from './attempt-under-way.ts'
import type { Case, PolicyInForce } from './case.ts'
import { type Ask, askFor } from './facts.ts'
import { firstObjection, GUARDRAILS } from './guardrails/chain.ts'
import { sayWriter } from './last-writer.ts'
import { LATER } from './look-again.ts'
import { answersTo, type Governed } from './match.ts'
import { diffOf } from './plan-text.ts'
import { brokenPods, rewriteImagePlan } from './plan-rewrite-image.ts'
import { nameOfOwner, placeOf } from './template.ts'
import type { Plan, PlacedChange, Verdict } from './verdict.ts'

const AGAIN = GUARDRAILS.filter(({ again }) => again)
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
 * Goes on with a begun step. The plan is the record's, set upon the owner as it is now: a change that was written
 * already has `was` equal to `to`, and pods that are gone are left out, so doing it again does nothing twice.
 */
export const resume = (c: Case, underWay: UnderWay): Verdict => {
  const { record, step } = underWay
  const policy = c.policies.find(({ uid }) => uid === record.spec.policy.uid)
  const rebuilt = rebuild(c, underWay, policy)
  if ('ask' in rebuilt) return { kind: 'Ask', facts: rebuilt.ask }
  if ('kind' in rebuilt) return rebuilt
  const { plan, written, complete } = rebuilt
  const act: Verdict = {
    kind: 'Act',
    policy: record.spec.policy,
    plan,
    attempt: step.attempt,
    resume: true,
    diagnosis: c.diagnosis,
  }
  if (complete) return act
  if (!policy) return withdrawn(c, `policy ${record.spec.policy.name} is gone`)

  const governed = written ? { matched: [] } : stillAnswers(c, policy)
  if ('ask' in governed) return { kind: 'Ask', facts: governed.ask }
  if ('kind' in governed) return governed
  const objection = firstObjection({ case: c, policy, ...governed, plan, escalates: true }, written ? STOPS : AGAIN)
  if (!objection) return act
  if ('ask' in objection) return { kind: 'Ask', facts: objection.ask }
  const message = `begun but not ${written ? 'completed' : 'written'}: ${objection.message}`
  return { kind: 'Hold', policy: record.spec.policy, ...objection, message, plan, diagnosis: c.diagnosis }
}

const withdrawn = (c: Case, why: string): Verdict => ({
  kind: 'Prove',
  outcome: 'Cancelled',
  reason: 'PolicySuspended',
  message: `begun but not written: ${why}`,
  lookAgainAt: c.now,
})

/** The policy may have been narrowed since the intent; with no pod failing any more, a guardrail says so. */
const stillAnswers = (c: Case, policy: PolicyInForce): Pick<Governed, 'matched'> | Ask | Verdict => {
  if (c.incident.pods.length === 0) return { matched: [] }
  return answersTo(c, policy, true) ?? withdrawn(c, `policy ${policy.name} does not answer to it any more`)
}

const rebuild = (c: Case, underWay: UnderWay, policy: PolicyInForce | undefined): Rebuilt | Ask | Verdict => {
  const { step } = underWay
  const timeoutMs = parseDuration(policy?.spec.actions[step.index]?.timeout ?? '5m')
  const needsPods = step.action === 'RecyclePod' || c.incident.owner.keepsBrokenPods
  const ask = needsPods ? askFor(c.facts, [{ fact: 'pods' }]) : undefined
  if (ask) return ask
  const { pods } = c.facts
  if (needsPods && !pods?.known) {
    const message = `begun; what is left to do cannot be seen: ${pods?.why ?? 'the pods were not read'}`
    return { kind: 'Prove', outcome: 'Waiting', reason: 'FactUnknown', message, lookAgainAt: c.now + LATER }
  }
  return step.action === 'RecyclePod'
    ? rebuildRecycle(c, underWay, policy, timeoutMs)
    : rebuildRewrite(c, underWay, timeoutMs)
}

const rebuildRewrite = (c: Case, { step, record }: UnderWay, timeoutMs: number): Rebuilt | Verdict => {
  const { owner, pods: failing } = c.incident
  const changes: PlacedChange[] = []
  for (const change of step.changes ?? []) {
    const place = placeOf(owner, change)
    if (!place || !(sameImage(place.image, change.from) || sameImage(place.image, change.to))) {
      const message = `begun but not written: ${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} meanwhile`
      return { kind: 'Prove', outcome: 'Cancelled', reason: 'TemplateDiffers', message, lookAgainAt: c.now }
    }
    changes.push({ ...change, pointer: place.pointer, was: place.image })
  }
  const uids = new Set(failing.map(({ pod }) => pod.metadata.uid))
  const ofOldRevision =
    c.facts.pods?.known && owner.keepsBrokenPods ? brokenPods(c.facts.pods.value, uids, changes) : []
  const written = changes.every(({ was, to }) => sameImage(was, to))
  const { generation } = record.spec.policy
  const plan = {
    ...rewriteImagePlan(owner, { index: step.index, generation, timeoutMs }, changes, ofOldRevision),
    hash: step.planHash,
  }
  return { plan, written, complete: written && ofOldRevision.length === 0 }
}

const rebuildRecycle = (c: Case, { step }: UnderWay, policy: PolicyInForce | undefined, timeoutMs: number): Rebuilt => {
  const named = new Set(step.pods?.map(({ uid }) => uid))
  const pods = (c.facts.pods?.known ? c.facts.pods.value : [])
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
    timeoutMs,
    target,
    method,
    pods,
  }
  return { plan, written: pods.length < named.size, complete: pods.length === 0 }
}

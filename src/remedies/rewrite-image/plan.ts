import { REFUTED_BY_REGISTRY } from '../../model/causes.ts'
import {
  type ApplicablePolicy,
  askFor,
  type DecisionInput,
  type Matched,
  nodeCauseOf,
  type PolicyInForce,
  registryOf,
  serves,
} from '../../model/decision-input.ts'
import { parseDuration } from '../../model/duration.ts'
import { normalImage, parseImage, sameImage } from '../../model/image-reference.ts'
import { type Finding, nodeOfPod, type Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { ImageEdit, PlacedChange, Plan, PodToDelete } from '../../model/plan.ts'
import { excludes } from '../../model/names.ts'
import { imageIn, isLeaving, type Named, nameOfOwner, placeInPod, placeOf, statusIn, waits } from '../pod-template.ts'
import { type ActionStep, noPlan, type NoPlan, notApplicable, type Planned } from '../remedy.ts'
import { diffOf, hashOf } from '../text.ts'

export interface RewriteImagePlan extends Plan, ImageEdit {
  readonly type: 'RewriteImage'
  /** The target's template cannot be changed (Job) or is already fixed (CronJob): only pods are patched. */
  readonly podsOnly?: true
  /** Pods of the broken revision that their controller would leave in place. */
  readonly thenDelete: readonly PodToDelete[]
  /** Waiting pods of Jobs, which are patched themselves, each only while it waits. */
  readonly thenPatch: readonly ImageEdit[]
}

type Drafted =
  | { readonly change: PlacedChange }
  | { readonly differs: string }
  /** `misfires`: a rule applies, but what it makes is no image reference. */
  | { readonly noTarget: string; readonly misfires?: true }
  /** The failure is not a container's image, or the image exists: a rewrite would change a working image. */
  | { readonly healthy: string; readonly of: Named; readonly reason: 'RolloutBlocked' | 'TargetUnverified' }

const nameOf = ({ container, init }: Finding): string =>
  `${init ? 'init container' : 'container'} ${container || '(none)'}`

/** Why the container's own image is not the failure, as far as known. */
const healthyOf = ({ facts }: DecisionInput, { finding, failing }: Matched): Drafted | undefined => {
  const { cause, image, imageSource } = finding
  if (imageSource?.kind === 'Volume') {
    const healthy = `${nameOf(finding)} waits for image volume ${imageSource.volume} (${image}); its own image is not what fails, and image volumes are not rewritten`
    return { healthy, of: finding, reason: 'RolloutBlocked' }
  }
  if (imageSource) {
    const healthy = `${nameOf(finding)} waits for ${image}, which is not known to be its own image: its own is not rewritten`
    return { healthy, of: finding, reason: 'RolloutBlocked' }
  }
  const answer = REFUTED_BY_REGISTRY.has(cause) ? registryOf(facts, image) : undefined
  if (!answer?.known || answer.value.kind !== 'exists') return undefined
  const node = nodeOfPod(facts, failing.pod)
  const platform = node?.known ? node.value.platform : ''
  const { platforms } = answer.value
  if (platform !== '' && platforms.length > 0 && !serves(platforms, platform)) return undefined
  const where = platform === '' ? '' : ` for ${platform}`
  const healthy = `${nameOf(finding)}: the registry has ${normalImage(image)}${where}, so it is not rewritten; the kubelet pulls it at its next try`
  return { healthy, of: finding, reason: 'TargetUnverified' }
}

/**
 * The suggested image, if the policy allows writing it: the likeliest explanation names it, its registry has it, and no
 * other candidate is as close.
 */
const suggestionFor = (c: DecisionInput, { rewriteImage }: ActionStep['action'], image: string): string | undefined => {
  if (rewriteImage?.suggestions !== 'Apply') return undefined
  const likeliest = c.diagnosis.explanations?.find(({ of }) => of === image)
  return likeliest?.found ? likeliest.image : undefined
}

/** Why there is no target, with the current explanation. */
const sayNoTarget = (c: DecisionInput, image: string): string => {
  const likeliest = c.diagnosis.explanations?.find(({ of }) => of === image)
  const meant = likeliest?.image === undefined ? '' : `, ${likeliest.image} may be meant`
  return `no rewrite rule applies to ${normalImage(image)}${likeliest === undefined ? '' : `; ${likeliest.kind}${meant}`}`
}

/** The change of one failing container, or why there is none. */
const draft = (c: DecisionInput, policy: PolicyInForce, action: ActionStep['action'], matched: Matched): Drafted => {
  const healthy = healthyOf(c, matched)
  if (healthy) return healthy
  const { finding } = matched
  const { owner } = c.incident
  const { container, init, image } = finding
  const place = placeOf(owner, finding)
  const what = nameOf(finding)
  if (!place) return { differs: `${what} is not in the pod template of ${nameOfOwner(owner)}: something else added it` }
  const suggested = suggestionFor(c, action, image)
  const result = policy.matches.rewrite(normalImage(image)) ?? (suggested === undefined ? undefined : { to: suggested })
  const made = { container, init, pointer: place.pointer, was: place.image }
  if (!sameImage(place.image, image)) {
    // A Job created before its CronJob was fixed: its pod gets the image that is there now.
    if (owner.patchesPods && result && 'to' in result && sameImage(result.to, place.image)) {
      return { change: { ...made, from: image, to: place.image } }
    }
    const since = owner.ref.kind === 'CronJob' ? '; Jobs created before keep their image until they are deleted' : ''
    const there = `${nameOfOwner(owner)} has ${place.image || 'no image'} there${since}`
    return { differs: `${what} failed with ${image}, but ${there}` }
  }
  if (!result) return { noTarget: sayNoTarget(c, image) }
  if ('refused' in result) return { noTarget: result.refused, misfires: true }
  if (sameImage(result.to, place.image)) return { noTarget: `the rewrite rule does not change ${image}` }
  return { change: { ...made, from: place.image, to: result.to } }
}

const needsSuggestion = (policy: PolicyInForce, { image }: Matched['finding']): boolean =>
  image !== '' && !policy.matches.rewrite(normalImage(image))

/** The change with the known digests: the pinned or observed one, and the current one in the registry. */
const withDigests = (c: DecisionInput, change: PlacedChange): PlacedChange => {
  const digestOf = (image: string): string | undefined => {
    const parsed = parseImage(image)
    const answer = registryOf(c.facts, image)
    const seen = answer?.known && answer.value.kind === 'exists' ? answer.value.digest : undefined
    return (parsed.ok ? parsed.reference.digest : undefined) ?? seen
  }
  const [digestBefore, digestAfter] = [digestOf(change.from), digestOf(change.to)]
  return { ...change, ...(digestBefore && { digestBefore }), ...(digestAfter && { digestAfter }) }
}

/** A pod that still has the previous image, and is known to fail or never started the container. */
const isBroken = (pod: Pod, failing: ReadonlySet<string>, changes: readonly PlacedChange[]): boolean =>
  changes.some((change) => {
    if (!sameImage(imageIn(pod, change) ?? '', change.from)) return false
    const status = statusIn(pod, change)
    return failing.has(pod.metadata.uid) || (status?.state?.waiting !== undefined && !status.restartCount)
  })

/** Pods that their controller would leave in place after the edit, by uid and version. */
const brokenPods = (
  pods: readonly Pod[],
  failing: ReadonlySet<string>,
  changes: readonly PlacedChange[],
): readonly PodToDelete[] =>
  pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && isBroken(pod, failing, changes))
    .map(({ metadata: { namespace = '', name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }))

/** What is left to do on pods once the template is written. A pod that is excluded is left alone, whether or not it fails yet. */
export const podsToPatch = (
  owner: Owner,
  pods: readonly Pod[],
  failing: ReadonlySet<string>,
  changes: readonly PlacedChange[],
): Pick<RewriteImagePlan, 'thenDelete' | 'thenPatch'> => {
  const open = pods.filter(({ metadata }) => !excludes(metadata))
  return {
    thenDelete: owner.keepsBrokenPods ? brokenPods(open, failing, changes) : [],
    thenPatch: owner.patchesPods ? podEdits(open, changes, failingOrNew(failing)) : [],
  }
}

/** The template cannot be changed or has the images already, and no pod waits for them. */
export const leavesAllAsIs = ({ podsOnly, changes, thenDelete, thenPatch }: RewriteImagePlan): boolean =>
  (podsOnly === true || changes.every(({ was, to }) => sameImage(was, to))) &&
  thenDelete.length === 0 &&
  thenPatch.length === 0

/** Changes to pods, and whether there are no others; whether a person wants the images to stay. */
export type OnPods = Partial<Pick<RewriteImagePlan, 'thenDelete' | 'thenPatch' | 'podsOnly' | 'stays'>>

/** Builds the plan, also for an undo, whose changes are reversed. */
export const rewriteImagePlan = (
  owner: Owner,
  step: { readonly index: number; readonly generation: number; readonly timeoutMs: number },
  changes: readonly PlacedChange[],
  { thenDelete = [], thenPatch = [], podsOnly, stays }: OnPods = {},
): RewriteImagePlan => ({
  type: 'RewriteImage',
  index: step.index,
  timeoutMs: step.timeoutMs,
  target: owner.ref,
  resourceVersion: owner.resourceVersion,
  annotations: owner.annotations,
  changes,
  ...(stays && { stays }),
  ...(podsOnly && { podsOnly }),
  thenDelete,
  thenPatch,
  diff: diffOf(owner.ref, podsOnly ? [] : changes, thenDelete, thenPatch),
  // The approval does not cover which pods of Jobs are waiting: each scheduled run adds another one.
  hash: hashOf({
    generation: step.generation,
    type: 'RewriteImage',
    target: owner.ref,
    changes,
    pods: thenDelete,
    ...(podsOnly && { podsOnly }),
  }),
})

/** Names the failing containers that the plan leaves out; one may be healthy on the node of one pod and not of another. */
const namingLeft = (plan: RewriteImagePlan, drafts: readonly Drafted[]): RewriteImagePlan => {
  const isChanged = ({ container, init }: Named): boolean =>
    plan.changes.some((change) => change.container === container && change.init === init)
  const left = [...new Set(drafts.flatMap((one) => ('healthy' in one && !isChanged(one.of) ? [one.healthy] : [])))]
  return left.length === 0
    ? plan
    : { ...plan, diff: [plan.diff, '@@ unchanged @@', ...left.map((one) => `  ${one}`)].join('\n') }
}

/** Why no container is changed. Not applicable only if no rule is for any of them. */
const noChange = (drafts: readonly Drafted[]): NoPlan => {
  const held = drafts.some((one) => 'differs' in one || ('noTarget' in one && one.misfires))
  const none: typeof notApplicable = (reason, message) =>
    held ? noPlan(reason, message, true) : notApplicable(reason, message)
  const healthy = drafts.find((one) => 'healthy' in one)
  if (healthy) return none(healthy.reason, healthy.healthy)
  const noTarget = drafts.find((one) => 'noTarget' in one)
  if (noTarget) return none('TargetUnverified', noTarget.noTarget)
  const differs = drafts.find((one) => 'differs' in one)
  return noPlan('TemplateDiffers', differs?.differs ?? 'no failing container is left', false)
}

/** Rewrites the images of the failing containers in their owner's template, if a rule applies to them. */
export const planRewriteImage = (
  c: DecisionInput,
  { policy, matched }: ApplicablePolicy,
  { action, index }: ActionStep,
): Planned<RewriteImagePlan> => {
  if (nodeCauseOf(c) !== undefined) return notApplicable('RolloutBlocked', 'the node fails, not an image')
  const { owner } = c.incident
  if (action.rewriteImage?.suggestions === 'Apply' && matched.some(({ finding }) => needsSuggestion(policy, finding))) {
    const closer = askFor(c.facts, c.diagnosis.detailFacts ?? [])
    if (closer) return closer
  }
  const drafts = matched.map((one) => draft(c, policy, action, one))
  const byPointer = new Map(
    drafts.flatMap((one) => ('change' in one ? [[one.change.pointer, one.change] as const] : [])),
  )
  if (byPointer.size === 0) {
    return noChange(drafts)
  }
  const changes = [...byPointer.values()]
    .toSorted((a, b) => (a.pointer < b.pointer ? -1 : 1))
    .map((change) => withDigests(c, change))
  const step = { index, generation: policy.generation, timeoutMs: parseDuration(action.timeout) }
  if (!owner.keepsBrokenPods && !owner.patchesPods) {
    return { plan: namingLeft(rewriteImagePlan(owner, step, changes), drafts) }
  }

  const ask = askFor(c.facts, [{ fact: 'pods' }])
  if (ask) return ask
  const { pods } = c.facts
  if (!pods?.known) {
    const message = `which pods ${nameOfOwner(owner)} would leave broken is unknown: ${pods?.why ?? 'not read'}`
    return { reason: 'FactUnknown', message, tryNext: false }
  }
  const failing = new Set(matched.map(({ failing: { pod } }) => pod.metadata.uid))
  const hasThem = changes.every(({ was, to }) => sameImage(was, to))
  const plan = rewriteImagePlan(owner, step, changes, {
    ...podsToPatch(owner, pods.value, failing, changes),
    ...((owner.templateFixed || (owner.patchesPods && hasThem)) && { podsOnly: true }),
  })
  if (!leavesAllAsIs(plan)) return { plan: namingLeft(plan, drafts) }
  return { reason: 'AlreadyRecovered', message: `no pod of ${nameOfOwner(owner)} is waiting`, tryNext: false }
}

// Pods of Jobs that wait with the previous image: no edit of a template reaches them, so they are patched themselves.

/**
 * A CronJob may have thousands of waiting Jobs; starting all of them at once would be an outage of its own. Patches the
 * newest first; later attempts patch the others, within the policy's limits.
 */
const MAX_PATCHED_PODS = 64

export type IsDue = (pod: Pod, named: Named) => boolean

/** It is known to fail, or has never started the container. */
export const failingOrNew =
  (failing: ReadonlySet<string>): IsDue =>
  (pod, named) =>
    failing.has(pod.metadata.uid) || (waits(pod, named) && !statusIn(pod, named)?.restartCount)

/** Only these pods, and only while the container waits: an undo does not restart running or finished pods. */
export const waitingAmong =
  (uids: ReadonlySet<string>): IsDue =>
  (pod, named) =>
    uids.has(pod.metadata.uid) && waits(pod, named)

const editOf = (pod: Pod, changes: readonly PlacedChange[], isDue: IsDue): readonly ImageEdit[] => {
  const { name, namespace, uid, resourceVersion, annotations = {} } = pod.metadata
  const mine = changes.flatMap((change): readonly PlacedChange[] => {
    const place = placeInPod(pod, change)
    if (!place || !sameImage(place.image, change.from) || !isDue(pod, change)) return []
    return [{ ...change, pointer: place.pointer, was: place.image }]
  })
  if (mine.length === 0) return []
  const target = { apiVersion: 'v1', kind: 'Pod', name, uid, ...(namespace !== undefined && { namespace }) }
  return [{ target, resourceVersion, annotations, changes: mine }]
}

const createdAt = ({ metadata }: Pod): string => metadata.creationTimestamp ?? ''

/** The edits of due pods that have the previous image, newest first. */
export const podEdits = (pods: readonly Pod[], changes: readonly PlacedChange[], isDue: IsDue): readonly ImageEdit[] =>
  pods
    .filter((pod) => !isLeaving(pod) && pod.status?.phase !== 'Succeeded')
    .toSorted((a, b) => createdAt(b).localeCompare(createdAt(a)) || a.metadata.uid.localeCompare(b.metadata.uid))
    .flatMap((pod) => editOf(pod, changes, isDue))
    .slice(0, MAX_PATCHED_PODS)

import { parseDuration } from '../api/duration.ts'
import { normalImage, parseImage, sameImage } from '../api/image-reference.ts'
import type { Pod } from '../api/kubernetes.ts'
import type { Owner } from '../diagnose/incident.ts'
import type { Case, PolicyInForce } from './case.ts'
import { askFor, registryOf } from './facts.ts'
import type { Governed, Matched } from './match.ts'
import { imageIn, statusIn } from './pod.ts'
import { diffOf, hashOf } from './plan-text.ts'
import type { Planned, Turn } from './plan.ts'
import { nameOfOwner, placeOf } from './template.ts'
import type { PlacedChange, PodToDelete, RewriteImagePlan } from './verdict.ts'

type Drafted = { readonly change: PlacedChange } | { readonly differs: string } | { readonly noTarget: string }

/** One failing container's change, or why there is none. */
const draft = (owner: Owner, policy: PolicyInForce, { finding }: Matched): Drafted => {
  const { container, init, image } = finding
  const place = placeOf(owner, finding)
  const what = `${init ? 'init container' : 'container'} ${container || '(none)'}`
  if (!place)
    return { differs: `${what} does not stand in the template of ${nameOfOwner(owner)}: something else added it` }
  if (!sameImage(place.image, image)) {
    return { differs: `${what} failed with ${image}, but ${nameOfOwner(owner)} has ${place.image || 'no image'} there` }
  }
  const result = policy.matches.rewrite(normalImage(place.image))
  if (!result) return { noTarget: `no rewrite rule applies to ${normalImage(image)}` }
  if ('refused' in result) return { noTarget: result.refused }
  if (sameImage(result.to, place.image)) return { noTarget: `the rewrite rule leaves ${image} as it is` }
  return { change: { container, init, from: place.image, to: result.to, pointer: place.pointer, was: place.image } }
}

/** The change with the digests that are known: the one pinned or seen before, and the one that the registry has now. */
const withDigests = (c: Case, change: PlacedChange): PlacedChange => {
  const digestOf = (image: string): string | undefined => {
    const parsed = parseImage(image)
    const answer = registryOf(c.facts, image)
    const seen = answer?.known && answer.value.kind === 'exists' ? answer.value.digest : undefined
    return (parsed.ok ? parsed.reference.digest : undefined) ?? seen
  }
  const [digestBefore, digestAfter] = [digestOf(change.from), digestOf(change.to)]
  return { ...change, ...(digestBefore && { digestBefore }), ...(digestAfter && { digestAfter }) }
}

/** A pod that still carries an image of before, and either is known to fail or never started the container. */
const isBroken = (pod: Pod, failing: ReadonlySet<string>, changes: readonly PlacedChange[]): boolean =>
  changes.some((change) => {
    if (!sameImage(imageIn(pod, change) ?? '', change.from)) return false
    const status = statusIn(pod, change)
    return failing.has(pod.metadata.uid) || (status?.state?.waiting !== undefined && !status.restartCount)
  })

/** Pods that their controller would leave standing after the edit, by uid and version. */
export const brokenPods = (
  pods: readonly Pod[],
  failing: ReadonlySet<string>,
  changes: readonly PlacedChange[],
): readonly PodToDelete[] =>
  pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && isBroken(pod, failing, changes))
    .map(({ metadata: { namespace = '', name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }))

/** Assembles the plan: also for an undo, whose changes point the other way. */
export const rewriteImagePlan = (
  owner: Owner,
  step: { readonly index: number; readonly generation: number; readonly timeoutMs: number },
  changes: readonly PlacedChange[],
  thenDelete: readonly PodToDelete[] = [],
): RewriteImagePlan => ({
  type: 'RewriteImage',
  index: step.index,
  timeoutMs: step.timeoutMs,
  target: owner.ref,
  resourceVersion: owner.resourceVersion,
  annotations: owner.annotations,
  changes,
  thenDelete,
  diff: diffOf(owner.ref, changes, thenDelete),
  hash: hashOf({ generation: step.generation, type: 'RewriteImage', target: owner.ref, changes, pods: thenDelete }),
})

/** Rewrites the image of the failing containers in their owner's template, of those alone to which a rule applies. */
export const planRewriteImage = (c: Case, { policy, matched }: Governed, { action, index }: Turn): Planned => {
  const { owner } = c.incident
  const drafts = matched.map((one) => draft(owner, policy, one))
  const byPointer = new Map(
    drafts.flatMap((one) => ('change' in one ? [[one.change.pointer, one.change] as const] : [])),
  )
  if (byPointer.size === 0) {
    const noTarget = drafts.find((one) => 'noTarget' in one)
    if (noTarget) return { reason: 'TargetUnverified', message: noTarget.noTarget, tryNext: true }
    const differs = drafts.find((one) => 'differs' in one)
    return { reason: 'TemplateDiffers', message: differs?.differs ?? 'no failing container is left', tryNext: false }
  }
  const changes = [...byPointer.values()]
    .toSorted((a, b) => (a.pointer < b.pointer ? -1 : 1))
    .map((change) => withDigests(c, change))
  const step = { index, generation: policy.generation, timeoutMs: parseDuration(action.timeout) }
  if (!owner.keepsBrokenPods) return { plan: rewriteImagePlan(owner, step, changes) }

  const ask = askFor(c.facts, [{ fact: 'pods' }])
  if (ask) return ask
  const { pods } = c.facts
  if (!pods?.known) {
    const message = `which pods ${nameOfOwner(owner)} would leave broken is unknown: ${pods?.why ?? 'not read'}`
    return { reason: 'FactUnknown', message, tryNext: false }
  }
  const failing = new Set(matched.map(({ failing: { pod } }) => pod.metadata.uid))
  return { plan: rewriteImagePlan(owner, step, changes, brokenPods(pods.value, failing, changes)) }
}

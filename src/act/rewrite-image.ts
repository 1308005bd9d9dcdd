/** RewriteImage: one guarded JSON patch on whatever holds the pod template, or on a bare pod. Undo is the same. */
import { sameImage } from '../api/image-reference.ts'
import type { Workload } from '../api/kubernetes.ts'
import { FIELD_MANAGER } from '../api/names.ts'
import type { RbacGrant } from '../api/rbac.ts'
import type { PlacedChange, RewriteImagePlan } from '../decide/verdict.ts'
import { sleep } from '../runtime/clock.ts'
import { conflict, invalid, notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import { deletePod } from './delete-pod.ts'
import { deletePods } from './delete-pods.ts'
import type { ActDeps } from './deps.ts'
import { alteredOnTheWay, imagePatch, type Seen, standsAs } from './image-patch.ts'
import type { Outcome, Write } from './outcome.ts'
import { refusalOf } from './refusal.ts'

export const RBAC: RbacGrant = {
  action: 'RewriteImage',
  rules: [
    {
      apiGroups: ['apps'],
      resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image in the template of a workload',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image of a pod that nothing owns',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'delete'],
      why: 'to delete the broken pods that a StatefulSet or ReplicaSet leaves standing after the rewrite',
    },
  ],
}

/** Each round begins with a fresh read, so only an object that changes all the time needs more. */
const MAX_ROUNDS = 3
/** How long a workload's controller may take to notice the edit before its broken pods are deleted. */
const TAKE_UP_MS = 10_000
const TAKE_UP_POLL_MS = 100

/** In a plan that is carried on with after a crash a change may stand already. */
const isDue = ({ was, to }: PlacedChange): boolean => !sameImage(was, to)

type Patched = { readonly kind: 'Patched'; readonly generation?: number | undefined }
type Settled = Exclude<Outcome, { kind: 'Done' }>

const pathOfTarget = ({ target }: RewriteImagePlan): string => {
  const { apiVersion, kind, namespace, name } = target
  return pathOf({ apiVersion, kind, namespace, name })
}

/** Dry run, then the patch. Throws what the API server throws. */
const patchTwice = async (plan: RewriteImagePlan, seen: Seen, { kube }: ActDeps): Promise<Patched | Settled> => {
  const path = pathOfTarget(plan)
  const body = imagePatch(plan, seen)
  const rehearsal = await kube.patch(path, body, { type: 'json', dryRun: true, fieldManager: FIELD_MANAGER })
  const altered = alteredOnTheWay(rehearsal, plan.changes)
  if (altered !== undefined) return { kind: 'Refused', why: altered }
  const patched = await kube.patch<Workload>(path, body, { type: 'json', fieldManager: FIELD_MANAGER })
  return { kind: 'Patched', generation: patched.metadata.generation }
}

/**
 * Patches as long as only what does not matter has changed (status, other annotations). The server's words for a
 * `test` that did not hold are no contract: a fresh read tells why instead.
 */
const patchGuarded = async (plan: RewriteImagePlan, deps: ActDeps): Promise<Patched | Settled> => {
  const { target, changes } = plan
  const name = `${target.kind} ${target.name}`
  if (changes.length === 0) return { kind: 'AlreadyDone' }
  let seen: Seen = plan
  for (let round = 1; ; round += 1) {
    let failure: unknown
    try {
      return await patchTwice(plan, seen, deps)
    } catch (error) {
      if (notFound(error)) return { kind: 'Stale', why: `${name} is gone` }
      if (!conflict(error) && !invalid(error)) {
        const refused = refusalOf(error)
        if (refused) return refused
        throw new Error(`patching ${name}`, { cause: error })
      }
      failure = error
    }
    const current = await deps.kube.get<Workload>(pathOfTarget(plan)).catch((error: unknown) => {
      if (notFound(error)) return undefined
      throw error
    })
    if (current?.metadata.uid !== target.uid) return { kind: 'Stale', why: `${name} is gone` }
    if (standsAs(current, changes, 'to')) return { kind: 'AlreadyDone' }
    if (!standsAs(current, changes, 'was'))
      return { kind: 'Stale', why: `${name} was edited by someone else meanwhile` }
    const { resourceVersion, annotations = {} } = current.metadata
    // Where nothing moved it is the request itself that is refused.
    if (resourceVersion === seen.resourceVersion || round === MAX_ROUNDS) {
      return refusalOf(failure) ?? { kind: 'Stale', why: `${name} keeps changing` }
    }
    seen = { resourceVersion, annotations }
  }
}

/** A pod deleted before its controller saw the edit would come back as it was. */
const takenUp = async (plan: RewriteImagePlan, generation: number | undefined, deps: ActDeps): Promise<boolean> => {
  const { kube, clock } = deps
  const until = clock.monotonic() + TAKE_UP_MS
  for (;;) {
    const { metadata, status } = await kube.get<Workload>(pathOfTarget(plan))
    if ((status?.observedGeneration ?? 0) >= (generation ?? metadata.generation ?? 0)) return true
    if (clock.monotonic() >= until) return false
    await sleep(clock, TAKE_UP_POLL_MS)
  }
}

/**
 * Writes the images of the plan, then deletes the pods that their controller would leave standing. Idempotent: run
 * again after a crash at any point it does only what is missing.
 */
export const rewriteImage = async (plan: RewriteImagePlan, deps: ActDeps): Promise<Outcome> => {
  const { target, thenDelete } = plan
  const first = thenDelete[0]
  if (first) {
    // Half a plan helps nobody: without the right to delete, the template is not touched either.
    const rehearsal = await deletePod(deps.kube, first, { dryRun: true })
    if (rehearsal.kind === 'Refused') return rehearsal
  }
  const patched = await patchGuarded({ ...plan, changes: plan.changes.filter(isDue) }, deps)
  const generation = patched.kind === 'Patched' ? patched.generation : undefined
  if (patched.kind === 'Stale' || patched.kind === 'Refused') return patched
  const { kind, namespace, name, uid } = target
  const patch: Write = { verb: 'patched', ref: { kind, name, uid, ...(namespace !== undefined && { namespace }) } }
  const wrote = patched.kind === 'Patched' ? [patch] : []
  const at = deps.clock.now()
  if (!first) return patched.kind === 'Patched' ? { kind: 'Done', at, wrote, left: [] } : patched
  if (!(await takenUp(plan, generation, deps))) {
    const why = `the controller of ${kind} ${name} has not taken up the edit`
    return { kind: 'Done', at, wrote, left: thenDelete.map((pod) => ({ name: pod.name, uid: pod.uid, why })) }
  }
  const pods = await deletePods(deps.kube, thenDelete, 'Delete')
  if (wrote.length + pods.wrote.length + pods.left.length === 0) return { kind: 'AlreadyDone' }
  return { kind: 'Done', at: deps.clock.now(), wrote: [...wrote, ...pods.wrote], left: pods.left }
}

/** RewriteImage: a guarded patch of the object with the pod template, plus changes to its pods. Undo works the same way. */
import { conflict, invalid, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Pod, Workload } from '../../model/kubernetes.ts'
import { excludes, FIELD_MANAGER } from '../../model/names.ts'
import type { ImageEdit, Outcome, PlacedChange, PodLeft, Write } from '../../model/plan.ts'
import type { RbacGrant } from '../../model/rbac.ts'
import { type ActDeps, deletePod, deletePods, isObserved, refusalOf, staleIfStopped } from '../writes.ts'
import { changedByAdmission, hasImages, imagePatch, type Seen } from './json-patch.ts'
import type { RewriteImagePlan } from './plan.ts'

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
      apiGroups: ['batch'],
      resources: ['cronjobs'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image in the template of a workload',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image of a bare pod, or of a stuck pod of a Job',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'delete'],
      why: 'to delete the broken pods that a StatefulSet or ReplicaSet keeps after the rewrite',
    },
  ],
}

/** Half a plan does not help: without permission to delete or patch the pods, leave the template unchanged. */
const refusedForPods = async ({ thenDelete, thenPatch }: RewriteImagePlan, deps: ActDeps) => {
  const [deleted] = thenDelete
  const [patched] = thenPatch
  const dryRun = deleted && (await deletePod(deps, deleted, { dryRun: true }))
  if (dryRun?.kind === 'Refused') return dryRun
  const shown = patched && (await dryRunPatch(patched, deps))
  return shown?.kind === 'Refused' ? shown : undefined
}

const writeTemplate = (plan: RewriteImagePlan, deps: ActDeps): Promise<Patched | NotPatched> =>
  plan.podsOnly ? Promise.resolve({ kind: 'AlreadyDone' }) : patchImages(plan, deps)

/** Changes to pods after the template is written. */
const carryToPods = async (plan: RewriteImagePlan, generation: number | undefined, deps: ActDeps) => {
  const { target, thenDelete, thenPatch } = plan
  if (thenPatch.length > 0) return patchPods(thenPatch, deps)
  if (thenDelete.length === 0) return { wrote: [], left: [] }
  // A pod deleted before its controller observed the edit would be recreated unchanged.
  if (await isObserved(pathOfTarget(plan), generation, deps)) return deletePods(deps, thenDelete, 'Delete')
  const why = `the controller of ${target.kind} ${target.name} has not observed the change yet`
  return { wrote: [], left: thenDelete.map((pod) => ({ name: pod.name, uid: pod.uid, why })) }
}

/**
 * Writes the images of the plan, then deletes the pods that their controller would leave in place, or patches those that
 * no template reaches. Idempotent: after a crash at any point, another run completes what is missing.
 */
export const act = async (plan: RewriteImagePlan, deps: ActDeps): Promise<Outcome> => {
  const isWritten = plan.podsOnly !== true && plan.changes.every(({ was, to }) => sameImage(was, to))
  const refused = isWritten ? undefined : await refusedForPods(plan, deps)
  if (refused) return refused
  const patched = await writeTemplate(plan, deps)
  if (patched.kind === 'Stale' || patched.kind === 'Refused') return patched
  const { kind, namespace, name, uid } = plan.target
  const patch: Write = { verb: 'patched', ref: { kind, name, uid, ...(namespace !== undefined && { namespace }) } }
  const wrote = patched.kind === 'Patched' ? [patch] : []
  const generation = patched.kind === 'Patched' ? patched.generation : undefined
  const pods = await carryToPods(plan, generation, deps)
  if (wrote.length + pods.wrote.length > 0) {
    return { kind: 'Done', at: deps.clock.now(), wrote: [...wrote, ...pods.wrote], left: pods.left }
  }
  if (plan.podsOnly && 'obstacle' in pods && pods.obstacle) return pods.obstacle
  if (pods.left.length === 0) return { kind: 'AlreadyDone' }
  return { kind: 'Done', at: deps.clock.now(), wrote: [], left: pods.left }
}

interface PodsPatched {
  readonly wrote: readonly Write[]
  readonly left: readonly PodLeft[]
  /** Why the first remaining pod was left. */
  readonly obstacle?: Extract<Outcome, { kind: 'Stale' | 'Refused' }>
}

/** Patches waiting pods one after the other; continues after one that cannot be patched. */
const patchPods = async (edits: readonly ImageEdit[], deps: ActDeps): Promise<PodsPatched> => {
  const wrote: Write[] = []
  const left: PodLeft[] = []
  let obstacle: PodsPatched['obstacle']
  for (const edit of edits) {
    const { name, uid, namespace } = edit.target
    const patched = await patchImages(edit, deps, { onlyWaiting: true })
    switch (patched.kind) {
      case 'Patched':
        wrote.push({
          verb: 'patched',
          ref: { kind: 'Pod', name, uid, ...(namespace !== undefined && { namespace }) },
        })
        break
      case 'AlreadyDone':
        break
      case 'Stale':
      case 'Refused':
        obstacle ??= patched
        left.push({ name, uid, why: patched.why })
    }
  }
  return { wrote, left, ...(obstacle !== undefined && { obstacle }) }
}

// One guarded JSON patch of an object's images: of an object with a pod template, or of a pod itself.

/**
 * Each round after the first begins with a fresh read, so only an object that changes constantly needs more. A pod in
 * pull back-off may change about as fast as a busy API server responds.
 */
const MAX_ROUNDS = 6

type Patched = { readonly kind: 'Patched'; readonly generation?: number | undefined }
type NotPatched = Exclude<Outcome, { kind: 'Done' }>

interface PatchOptions {
  /** Patch a pod only while its containers wait: do not restart what has started in the meantime. */
  readonly onlyWaiting?: boolean
}

/** In a plan resumed after a crash, a change may already be written. */
const isDue = ({ was, to }: PlacedChange): boolean => !sameImage(was, to)

const pathOfTarget = ({ target }: ImageEdit): string => {
  const { apiVersion, kind, namespace, name } = target
  return pathOf({ apiVersion, kind, namespace, name })
}

interface Try extends PatchOptions {
  readonly seen: Seen
  /** Whether an earlier round passed the dry run: repeating it would only give the object time to change. */
  readonly dryRunState: { done: boolean }
}

/** Dry run, then the patch. Throws what the API server throws. */
const dryRunAndPatch = async (
  edit: ImageEdit,
  { seen, onlyWaiting = false, dryRunState }: Try,
  deps: ActDeps,
): Promise<Patched | NotPatched> => {
  const { kube } = deps
  const path = pathOfTarget(edit)
  const body = imagePatch(edit, seen, { exact: onlyWaiting })
  if (!dryRunState.done) {
    const shown = await kube.patch(path, body, { type: 'json', dryRun: true, fieldManager: FIELD_MANAGER })
    const altered = changedByAdmission(shown, edit.changes)
    if (altered !== undefined) return { kind: 'Refused', why: altered }
    dryRunState.done = true
  }
  const stopped = await staleIfStopped(`the rewrite of ${edit.target.kind} ${edit.target.name}`, deps)
  if (stopped) return stopped
  const patched = await kube.patch<Workload>(path, body, { type: 'json', fieldManager: FIELD_MANAGER })
  return { kind: 'Patched', generation: patched.metadata.generation }
}

const hasStarted = ({ status }: Pod, changes: readonly PlacedChange[]): boolean =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].some(
    ({ name, state }) =>
      changes.some(({ container }) => container === name) &&
      (state?.running !== undefined || state?.terminated !== undefined),
  )

/**
 * Patches, and retries while only irrelevant parts have changed (status, other annotations). The server's message for a
 * failed `test` is not a stable API, so a fresh read determines the reason instead.
 */
const patchImages = async (
  given: ImageEdit,
  deps: ActDeps,
  { onlyWaiting = false }: PatchOptions = {},
): Promise<Patched | NotPatched> => {
  const edit = { ...given, changes: given.changes.filter(isDue) }
  const { target, changes } = edit
  const name = `${target.kind} ${target.name}`
  if (changes.length === 0) return { kind: 'AlreadyDone' }
  const dryRunState = { done: false }
  let seen: Seen = edit
  for (let round = 1; ; round += 1) {
    let failure: unknown
    try {
      return await dryRunAndPatch(edit, { seen, onlyWaiting, dryRunState }, deps)
    } catch (error) {
      if (notFound(error)) return { kind: 'Stale', why: `${name} is gone` }
      if (!conflict(error) && !invalid(error)) {
        const refused = refusalOf(error)
        if (refused) return refused
        throw new Error(`patching ${name}`, { cause: error })
      }
      failure = error
    }
    const current = await deps.kube.get<Workload & Pod>(pathOfTarget(edit)).catch((error: unknown) => {
      if (notFound(error)) return undefined
      throw error
    })
    if (current?.metadata.uid !== target.uid) return { kind: 'Stale', why: `${name} is gone` }
    if (hasImages(current, changes, 'to')) return { kind: 'AlreadyDone' }
    if (!hasImages(current, changes, 'was'))
      return { kind: 'Stale', why: `${name} was edited by someone else in the meantime` }
    if (excludes(current.metadata)) return { kind: 'Stale', why: `${name} was excluded in the meantime` }
    if (onlyWaiting && hasStarted(current, changes))
      return { kind: 'Stale', why: `${name} has started in the meantime` }
    const { resourceVersion, annotations = {} } = current.metadata
    // If the object has not changed, the request itself is rejected; a conflict never is.
    const rejected = resourceVersion === seen.resourceVersion && !conflict(failure)
    if (rejected || round === MAX_ROUNDS) {
      return refusalOf(failure) ?? { kind: 'Stale', why: `${name} keeps changing` }
    }
    seen = { resourceVersion, annotations }
  }
}

/** Dry-runs a patch: returns the rejection, if any. Throws if the outcome is unknown. */
const dryRunPatch = async (edit: ImageEdit, deps: ActDeps): Promise<NotPatched | undefined> => {
  const body = imagePatch(edit, edit)
  try {
    const shown = await deps.kube.patch(pathOfTarget(edit), body, {
      type: 'json',
      dryRun: true,
      fieldManager: FIELD_MANAGER,
    })
    const altered = changedByAdmission(shown, edit.changes)
    return altered === undefined ? undefined : { kind: 'Refused', why: altered }
  } catch (error) {
    // The patch itself will detect concurrent changes.
    if (notFound(error) || conflict(error) || invalid(error)) return undefined
    const refused = refusalOf(error)
    if (refused) return refused
    throw new Error(`dry-running a patch of ${edit.target.kind} ${edit.target.name}`, { cause: error })
  }
}

/** One guarded JSON patch of an object's images: of an object with a pod template, or of a pod itself. */
import { conflict, invalid, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Pod, Workload } from '../../model/kubernetes.ts'
import { FIELD_MANAGER } from '../../model/names.ts'
import type { ImageEdit, Outcome, PlacedChange } from '../../model/plan.ts'
import { excludes } from '../../model/safety-switches.ts'
import { type ActDeps, refusalOf, staleIfStopped } from '../writes.ts'
import { changedByAdmission, hasImages, imagePatch, type Seen } from './json-patch.ts'

/**
 * Each round after the first begins with a fresh read, so only an object that changes constantly needs more. A pod in
 * pull back-off may change about as fast as a busy API server responds.
 */
const MAX_ROUNDS = 6

export type Patched = { readonly kind: 'Patched'; readonly generation?: number | undefined }
export type NotPatched = Exclude<Outcome, { kind: 'Done' }>

export interface PatchOptions {
  /** Patch a pod only while its containers wait: do not restart what has started in the meantime. */
  readonly onlyWaiting?: boolean
}

/** In a plan resumed after a crash, a change may already be written. */
const isDue = ({ was, to }: PlacedChange): boolean => !sameImage(was, to)

export const pathOfTarget = ({ target }: ImageEdit): string => {
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
export const patchImages = async (
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
export const dryRunPatch = async (edit: ImageEdit, deps: ActDeps): Promise<NotPatched | undefined> => {
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

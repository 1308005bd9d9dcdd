/** One guarded JSON patch of an object's images: of whatever holds a pod template, or of a pod itself. */
import { conflict, invalid, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Pod, Workload } from '../../model/kubernetes.ts'
import { FIELD_MANAGER } from '../../model/names.ts'
import type { ImageEdit, Outcome, PlacedChange } from '../../model/plan.ts'
import { type ActDeps, refusalOf } from '../writes.ts'
import { alteredOnTheWay, imagePatch, type Seen, standsAs } from './json-patch.ts'

/**
 * Each round after the first begins with a fresh read, so only an object that changes all the time needs more. A pod that
 * backs off from pulling does so about as fast as a busy API server answers.
 */
const MAX_ROUNDS = 6

export type Patched = { readonly kind: 'Patched'; readonly generation?: number | undefined }
export type Settled = Exclude<Outcome, { kind: 'Done' }>

export interface PatchOptions {
  /** A pod whose containers wait, and only as long as they do: what has started in the meantime is not started anew. */
  readonly onlyWaiting?: boolean
}

/** In a plan that is carried on with after a crash a change may stand already. */
const isDue = ({ was, to }: PlacedChange): boolean => !sameImage(was, to)

export const pathOfTarget = ({ target }: ImageEdit): string => {
  const { apiVersion, kind, namespace, name } = target
  return pathOf({ apiVersion, kind, namespace, name })
}

interface Try extends PatchOptions {
  readonly seen: Seen
  /** What a dry run of this edit came to in a round before: to ask again would only give the object time to move. */
  readonly rehearsed: { done: boolean }
}

/** Dry run, then the patch. Throws what the API server throws. */
const patchTwice = async (
  edit: ImageEdit,
  { seen, onlyWaiting = false, rehearsed }: Try,
  { kube }: ActDeps,
): Promise<Patched | Settled> => {
  const path = pathOfTarget(edit)
  const body = imagePatch(edit, seen, { exact: onlyWaiting })
  if (!rehearsed.done) {
    const rehearsal = await kube.patch(path, body, { type: 'json', dryRun: true, fieldManager: FIELD_MANAGER })
    const altered = alteredOnTheWay(rehearsal, edit.changes)
    if (altered !== undefined) return { kind: 'Refused', why: altered }
    rehearsed.done = true
  }
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
 * Patches as long as only what does not matter has changed (status, other annotations). The server's words for a
 * `test` that did not hold are no contract: a fresh read tells why instead.
 */
export const patchImages = async (
  given: ImageEdit,
  deps: ActDeps,
  { onlyWaiting = false }: PatchOptions = {},
): Promise<Patched | Settled> => {
  const edit = { ...given, changes: given.changes.filter(isDue) }
  const { target, changes } = edit
  const name = `${target.kind} ${target.name}`
  if (changes.length === 0) return { kind: 'AlreadyDone' }
  const rehearsed = { done: false }
  let seen: Seen = edit
  for (let round = 1; ; round += 1) {
    let failure: unknown
    try {
      return await patchTwice(edit, { seen, onlyWaiting, rehearsed }, deps)
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
    if (standsAs(current, changes, 'to')) return { kind: 'AlreadyDone' }
    if (!standsAs(current, changes, 'was'))
      return { kind: 'Stale', why: `${name} was edited by someone else in the meantime` }
    if (onlyWaiting && hasStarted(current, changes))
      return { kind: 'Stale', why: `${name} has started in the meantime` }
    const { resourceVersion, annotations = {} } = current.metadata
    // Where nothing moved it is the request itself that is refused.
    if (resourceVersion === seen.resourceVersion || round === MAX_ROUNDS) {
      return refusalOf(failure) ?? { kind: 'Stale', why: `${name} keeps changing` }
    }
    seen = { resourceVersion, annotations }
  }
}

/** Whether the API server would take a patch, without one: the refusal, or nothing. Throws where the answer is unknown. */
export const rehearse = async (edit: ImageEdit, deps: ActDeps): Promise<Settled | undefined> => {
  const body = imagePatch(edit, edit)
  try {
    const shown = await deps.kube.patch(pathOfTarget(edit), body, {
      type: 'json',
      dryRun: true,
      fieldManager: FIELD_MANAGER,
    })
    const altered = alteredOnTheWay(shown, edit.changes)
    return altered === undefined ? undefined : { kind: 'Refused', why: altered }
  } catch (error) {
    // What has moved meanwhile is found out when its turn comes.
    if (notFound(error) || conflict(error) || invalid(error)) return undefined
    const refused = refusalOf(error)
    if (refused) return refused
    throw new Error(`dry-running a patch of ${edit.target.kind} ${edit.target.name}`, { cause: error })
  }
}

/** The writes of `undo`, from the record and the current workload; pure. */
import type { Remediation } from '../../api/kinds.ts'
import type { RemediationStep } from '../../api/remediation.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { ORIGINAL_IMAGE_ANNOTATION } from '../../model/names.ts'
import type { ImageEdit, PlacedChange } from '../../model/plan.ts'
import { policyRefOf, readOriginals } from '../../model/remediation-state.ts'
import { nameOfOwner, placeOf, sayWriter } from '../../remedies/pod-template.ts'
import { podEdits, rewriteImagePlan, type RewriteImagePlan, waitingAmong } from '../../remedies/rewrite-image/plan.ts'
import { wrotePodsOnly } from '../../remedies/rewrite-image/verify.ts'

export type UndoPlan =
  | { readonly kind: 'Undo'; readonly plan: RewriteImagePlan }
  | { readonly kind: 'AlreadyUndone'; readonly why: string }
  | { readonly kind: 'Refused'; readonly why: string }

/** Steps whose write was accepted, or may have been. */
const WRITTEN: ReadonlySet<RemediationStep['state']> = new Set(['Intended', 'Done', 'Succeeded', 'Ineffective'])

interface Rewritten {
  readonly container: string
  readonly init: boolean
  /** Before the first rewrite of this record. */
  readonly original: string
  /** What was written last. */
  readonly written: string
}

const isAny = (): boolean => true

/** Containers that the record rewrote, each once; by those of its steps alone that pass. */
const rewrittenBy = ({ status }: Remediation, passes: (step: RemediationStep) => boolean): readonly Rewritten[] => {
  const byContainer = new Map<string, Rewritten>()
  for (const step of (status?.steps ?? []).filter(passes)) {
    const { state, changes = [] } = step
    if (!WRITTEN.has(state)) continue
    for (const { container, init, from, to } of changes) {
      const key = `${init ? 'init' : 'container'}/${container}`
      byContainer.set(key, { container, init, original: byContainer.get(key)?.original ?? from, written: to })
    }
  }
  return [...byContainer.values()]
}

const describePhase = ({ status }: Remediation): string =>
  `it is ${status?.phase ?? 'new'}${status?.reason === undefined ? '' : ` (${status.reason})`}`

/** Pods of Jobs that the record wrote to, by name and uid. */
export const podsWrittenBy = ({ spec, status }: Remediation): NonNullable<RemediationStep['pods']> =>
  spec.target.kind === 'Job' || spec.target.kind === 'CronJob'
    ? (status?.steps ?? []).flatMap(({ state, changes, pods = [] }) =>
        WRITTEN.has(state) && changes !== undefined ? pods : [],
      )
    : []

/** The edits that undo pods which bear the annotation and still wait; running and finished pods are not restarted. */
const podsBack = (rewritten: readonly Rewritten[], pods: readonly Pod[]): readonly ImageEdit[] =>
  pods.flatMap((pod) => {
    const originals = readOriginals(pod.metadata.annotations)
    const changes = rewritten
      .filter(({ container }) => Object.hasOwn(originals, container))
      .map(({ container, init, original, written }) => ({
        container,
        init,
        from: written,
        to: originals[container] ?? original,
        pointer: '',
        was: written,
      }))
    return podEdits([pod], changes, waitingAmong(new Set([pod.metadata.uid])))
  })

const undoPods = (record: Remediation, owner: Owner, thenPatch: readonly ImageEdit[]): UndoPlan => {
  const name = nameOfOwner(owner)
  if (thenPatch.length === 0) {
    const why = `no pod of ${name} still waits with an image that podmend wrote; running and finished pods are not restarted`
    return { kind: 'AlreadyUndone', why }
  }
  const [first] = thenPatch
  const step = { index: 0, generation: policyRefOf(record).generation, timeoutMs: 0 }
  return { kind: 'Undo', plan: rewriteImagePlan(owner, step, first?.changes ?? [], { thenPatch, podsOnly: true }) }
}

/**
 * The undo of everything that the record wrote; if anything has changed since, nothing is undone. `pods`: the existing
 * pods of Jobs that the record wrote to.
 */
export const planUndo = (record: Remediation, owner: Owner, pods: readonly Pod[] = []): UndoPlan => {
  const name = nameOfOwner(owner)
  const all = rewrittenBy(record, isAny)
  if (all.length === 0) {
    return {
      kind: 'Refused',
      why: `Remediation ${record.metadata.name} wrote no image: ${describePhase(record)}`,
    }
  }
  const thenPatch = podsBack(all, pods)
  const rewritten = rewrittenBy(record, (step) => !wrotePodsOnly(owner, step))
  if (rewritten.length === 0) return undoPods(record, owner, thenPatch)
  const originals = readOriginals(owner.annotations)
  const changes: PlacedChange[] = []
  for (const { container, init, original, written } of rewritten) {
    const place = placeOf(owner, { container, init })
    if (!place) return { kind: 'Refused', why: `${name} no longer has container ${container}; nothing was undone` }
    if (sameImage(place.image, original)) continue
    if (!sameImage(place.image, written)) {
      const writer = sayWriter(owner, { container, init })
      const why = `${name} has changed since: container ${container} has image ${place.image}, written by ${writer}, not ${written} as podmend wrote it; nothing was undone`
      return { kind: 'Refused', why }
    }
    // Anyone who may create Remediations can claim anything, so require the annotation, which is written with the image in one patch.
    if (!Object.hasOwn(originals, container)) {
      const why = `${name} has no annotation ${ORIGINAL_IMAGE_ANNOTATION} for container ${container}: podmend did not write its image, or the annotation was removed; nothing was undone`
      return { kind: 'Refused', why }
    }
    changes.push({ container, init, from: place.image, to: original, pointer: place.pointer, was: place.image })
  }
  if (changes.length === 0 && thenPatch.length === 0) {
    return { kind: 'AlreadyUndone', why: `${name} already has its original images` }
  }
  const step = { index: 0, generation: policyRefOf(record).generation, timeoutMs: 0 }
  return { kind: 'Undo', plan: rewriteImagePlan(owner, step, changes, { thenPatch, stays: true }) }
}

/** What `undo` would write: worked out from the record and the workload as it stands; pure. */
import { readOriginals } from '../act/undo-annotation.ts'
import { sameImage } from '../api/image-reference.ts'
import { ORIGINAL_IMAGE_ANNOTATION } from '../api/names.ts'
import type { Remediation } from '../api/objects.ts'
import type { RemediationStep } from '../api/remediation.ts'
import { sayWriter } from '../decide/last-writer.ts'
import { rewriteImagePlan } from '../decide/plan-rewrite-image.ts'
import { nameOfOwner, placeOf } from '../decide/template.ts'
import type { PlacedChange, RewriteImagePlan } from '../decide/verdict.ts'
import type { Owner } from '../diagnose/incident.ts'

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

/** Containers that the record rewrote, each once. */
export const rewrittenBy = ({ status }: Remediation): readonly Rewritten[] => {
  const byContainer = new Map<string, Rewritten>()
  for (const { state, changes = [] } of status?.steps ?? []) {
    if (!WRITTEN.has(state)) continue
    for (const { container, init, from, to } of changes) {
      const key = `${init ? 'init' : 'container'}/${container}`
      byContainer.set(key, { container, init, original: byContainer.get(key)?.original ?? from, written: to })
    }
  }
  return [...byContainer.values()]
}

const says = ({ status }: Remediation): string =>
  `it is ${status?.phase ?? 'new'}${status?.reason === undefined ? '' : ` (${status.reason})`}`

/** The way back for everything that still stands as the record wrote it; if anything does not, nothing is touched. */
export const planUndo = (record: Remediation, owner: Owner): UndoPlan => {
  const name = nameOfOwner(owner)
  const rewritten = rewrittenBy(record)
  if (rewritten.length === 0) {
    return { kind: 'Refused', why: `Remediation ${record.metadata.name} has written no image: ${says(record)}` }
  }
  const originals = readOriginals(owner.annotations)
  const changes: PlacedChange[] = []
  for (const { container, init, original, written } of rewritten) {
    const place = placeOf(owner, { container, init })
    if (!place) return { kind: 'Refused', why: `${name} has no container ${container} any more; nothing is undone` }
    if (sameImage(place.image, original)) continue
    if (!sameImage(place.image, written)) {
      const writer = sayWriter(owner, { container, init })
      const why = `${name} has moved on: container ${container} has image ${place.image} by ${writer}, not ${written} as kubemend wrote it; nothing is undone`
      return { kind: 'Refused', why }
    }
    // Whoever may create Remediations can claim anything: the mark came with the image, in one patch.
    if (!Object.hasOwn(originals, container)) {
      const why = `${name} has no annotation ${ORIGINAL_IMAGE_ANNOTATION} for container ${container}: kubemend did not write its image, or somebody took its mark away; nothing is undone`
      return { kind: 'Refused', why }
    }
    changes.push({ container, init, from: place.image, to: original, pointer: place.pointer, was: place.image })
  }
  if (changes.length === 0) return { kind: 'AlreadyUndone', why: `${name} has its original images already` }
  const step = { index: 0, generation: record.spec.policy.generation, timeoutMs: 0 }
  return { kind: 'Undo', plan: rewriteImagePlan(owner, step, changes, []) }
}

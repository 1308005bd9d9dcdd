import { sameImage } from '../api/image-reference.ts'
import type { UnderWay } from './attempt-under-way.ts'
import type { Case } from './case.ts'
import { sayWriter } from './last-writer.ts'
import { nameOfOwner, placeOf } from './template.ts'
import type { PlacedChange, Verdict } from './verdict.ts'

/** A recorded step's changes upon the owner as it is now; cancelled where neither the old nor the new image stands there. */
export const changesNow = (c: Case, { step }: UnderWay): readonly PlacedChange[] | Verdict => {
  const { owner } = c.incident
  const changes: PlacedChange[] = []
  for (const change of step.changes ?? []) {
    const place = placeOf(owner, change)
    if (!place || !(sameImage(place.image, change.from) || sameImage(place.image, change.to))) {
      const message = `begun but not written: ${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} meanwhile`
      return { kind: 'Prove', outcome: 'Cancelled', reason: 'TemplateDiffers', message, lookAgainAt: c.now }
    }
    changes.push({ ...change, pointer: place.pointer, was: place.image })
  }
  return changes
}

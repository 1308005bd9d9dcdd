/** What becomes of the undo annotation: JSON object, container name → image before the first rewrite. */
import type { Originals } from '../api/original-images.ts'
import type { PlacedChange } from '../decide/verdict.ts'

/**
 * The originals after these changes. The first original stays however often an image is rewritten; a container that
 * gets its original back (an undo) has none any more.
 */
export const originalsAfter = (before: Originals, changes: readonly PlacedChange[]): Originals => {
  const after = new Map(Object.entries(before))
  for (const { container, was, to } of changes) {
    const original = after.get(container) ?? was
    if (original === to) after.delete(container)
    else after.set(container, original)
  }
  return Object.fromEntries(after)
}

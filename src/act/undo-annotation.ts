/** The undo annotation: JSON object, container name → image before the first rewrite. */
import { ORIGINAL_IMAGE_ANNOTATION } from '../api/names.ts'
import type { PlacedChange } from '../decide/verdict.ts'

export type Originals = Readonly<Record<string, string>>

/** What the annotation holds. Nothing can be undone from a text that is no such object, so it counts as empty. */
export const readOriginals = (annotations: Readonly<Record<string, string>>): Originals => {
  try {
    const parsed: unknown = JSON.parse(annotations[ORIGINAL_IMAGE_ANNOTATION] ?? '{}')
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return {}
    return Object.fromEntries(
      Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    )
  } catch {
    return {}
  }
}

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

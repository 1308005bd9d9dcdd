import { ORIGINAL_IMAGE_ANNOTATION } from './names.ts'

/** The undo annotation's content: container name → image before the first rewrite. */
export type Originals = Readonly<Record<string, string>>

/** What the annotation holds. Nothing can be undone from a text that is no such object, so it counts as empty. */
export const readOriginals = (annotations: Readonly<Record<string, string>> = {}): Originals => {
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

/** The JSON patch of a rewrite: pure, so that what is written can be read in a test. */
import { escapePointer, valueAtPointer } from '../../model/json.ts'
import { ORIGINAL_IMAGE_ANNOTATION } from '../../model/names.ts'
import type { ImageEdit, PlacedChange } from '../../model/plan.ts'
import { type Originals, readOriginals } from '../../model/remediation-state.ts'

export type PatchOperation =
  | { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

/** The target as last read. */
export interface Seen {
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
}

const ANNOTATION_PATH = `/metadata/annotations/${escapePointer(ORIGINAL_IMAGE_ANNOTATION)}`

const annotationOperations = (edit: ImageEdit, seen: Seen): readonly PatchOperation[] => {
  const { annotations } = seen
  const text = annotations[ORIGINAL_IMAGE_ANNOTATION]
  const originals = originalsAfter(readOriginals(annotations), edit.changes)
  const empty = Object.keys(originals).length === 0
  const guard = text === undefined ? [] : [{ op: 'test' as const, path: ANNOTATION_PATH, value: text }]
  if (empty) return text === undefined ? [] : [...guard, { op: 'remove', path: ANNOTATION_PATH }]
  const value = JSON.stringify(originals)
  if (Object.keys(annotations).length > 0) return [...guard, { op: 'add', path: ANNOTATION_PATH, value }]
  // `add` of the whole map would overwrite concurrent annotations, so require the version that had none.
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: seen.resourceVersion },
    { op: 'add', path: '/metadata/annotations', value: { [ORIGINAL_IMAGE_ANNOTATION]: value } },
  ]
}

/**
 * Tests uid, container names and old images, then sets the new images and the undo annotation, atomically. `exact`: only
 * if the object has not changed at all.
 */
export const imagePatch = (edit: ImageEdit, seen: Seen, { exact = false } = {}): readonly PatchOperation[] => [
  { op: 'test', path: '/metadata/uid', value: edit.target.uid },
  ...(exact ? [{ op: 'test' as const, path: '/metadata/resourceVersion', value: seen.resourceVersion }] : []),
  ...edit.changes.flatMap(({ pointer, container, was }): PatchOperation[] => [
    { op: 'test', path: `${pointer}/name`, value: container },
    { op: 'test', path: `${pointer}/image`, value: was },
  ]),
  ...edit.changes.map(({ pointer, to }): PatchOperation => ({ op: 'replace', path: `${pointer}/image`, value: to })),
  ...annotationOperations(edit, seen),
]

const containerAt = (object: unknown, pointer: string): { name?: unknown; image?: unknown } | undefined => {
  const found = valueAtPointer(object, pointer)
  return typeof found === 'object' && found !== null ? found : undefined
}

/** Whether the object has the image of `side` for each change: `was` before the patch, `to` after it. */
export const hasImages = (object: unknown, changes: readonly PlacedChange[], side: 'was' | 'to'): boolean =>
  changes.every((change) => {
    const found = containerAt(object, change.pointer)
    return found?.name === change.container && found.image === change[side]
  })

/** A sentence on containers that admission changed; undefined if there are none. */
export const changedByAdmission = (object: unknown, changes: readonly PlacedChange[]): string | undefined => {
  const altered = changes.flatMap(({ pointer, container, to }) => {
    const list = valueAtPointer(object, pointer.replace(/\/[^/]*$/, ''))
    const found = Array.isArray(list) ? list.find((one: { name?: unknown }) => one?.name === container) : undefined
    if (found?.image === to) return []
    return [`container ${container} came back with ${found ? `image "${String(found.image)}"` : 'nothing'} for "${to}"`]
  })
  return altered.length === 0
    ? undefined
    : `a dry run shows that admission changes what is written: ${altered.join(', ')}`
}

// The undo annotation: a JSON object, container name → image before the first rewrite.

/**
 * The original images after these changes. The first original is kept over several rewrites; an undo, which restores the
 * original, removes it.
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

/** The JSON patch of a rewrite: pure, so that what is written can be read in a test. */
import { escapePointer, valueAtPointer } from '../../model/json.ts'
import { ORIGINAL_IMAGE_ANNOTATION, REVERTED_IMAGE_ANNOTATION } from '../../model/names.ts'
import type { ImageEdit, PlacedChange } from '../../model/plan.ts'
import { type ImagesByContainer, readOriginals, readReverted } from '../../model/remediation-state.ts'

export type PatchOperation =
  | { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

/** The target as last read. */
export interface Seen {
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
}

const hasNone = (map: object): boolean => Object.keys(map).length === 0

/** Sets an annotation on an object that has some, guarded by its content. */
const setAnnotation = (
  name: string,
  { images, text }: { readonly images: ImagesByContainer; readonly text: string | undefined },
): readonly PatchOperation[] => {
  const path = `/metadata/annotations/${escapePointer(name)}`
  const guard = text === undefined ? [] : [{ op: 'test' as const, path, value: text }]
  if (!hasNone(images)) return [...guard, { op: 'add', path, value: JSON.stringify(images) }]
  return text === undefined ? [] : [...guard, { op: 'remove', path }]
}

const annotationOperations = ({ changes, stays }: ImageEdit, seen: Seen): readonly PatchOperation[] => {
  const { annotations } = seen
  const wanted: readonly (readonly [name: string, images: ImagesByContainer])[] = [
    [ORIGINAL_IMAGE_ANNOTATION, originalsAfter(readOriginals(annotations), changes)],
    [REVERTED_IMAGE_ANNOTATION, revertedAfter(readReverted(annotations), changes, stays)],
  ]
  if (!hasNone(annotations))
    return wanted.flatMap(([name, images]) => setAnnotation(name, { images, text: annotations[name] }))
  const added = wanted.flatMap(([name, images]) => (hasNone(images) ? [] : [[name, JSON.stringify(images)] as const]))
  // `add` of the whole map would overwrite concurrent annotations, so require the version that had none.
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: seen.resourceVersion },
    { op: 'add', path: '/metadata/annotations', value: Object.fromEntries(added) },
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

// The annotations: JSON objects, container name → image.

/**
 * The original images after these changes. The first original is kept over several rewrites; an undo, which restores the
 * original, removes it.
 */
export const originalsAfter = (before: ImagesByContainer, changes: readonly PlacedChange[]): ImagesByContainer => {
  const after = new Map(Object.entries(before))
  for (const { container, was, to } of changes) {
    const original = after.get(container) ?? was
    if (original === to) after.delete(container)
    else after.set(container, original)
  }
  return Object.fromEntries(after)
}

/** The images that a person restored, after these changes: a later rewrite follows only once that was lifted. */
const revertedAfter = (
  before: ImagesByContainer,
  changes: readonly PlacedChange[],
  stays: true | undefined,
): ImagesByContainer => {
  const after = new Map(Object.entries(before))
  for (const { container, to } of changes) {
    if (stays) after.set(container, to)
    else after.delete(container)
  }
  return Object.fromEntries(after)
}

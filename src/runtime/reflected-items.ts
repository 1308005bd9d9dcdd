import type { KubeObject, ObjectMeta } from '../api/kubernetes.ts'

/**
 * What is known of an object that is gone: all of its metadata when the watch told, only this when a new list lacked
 * it.
 */
export type ItemMeta = Pick<ObjectMeta, 'uid' | 'name' | 'namespace' | 'resourceVersion'>

export interface ReflectedHandlers<P> {
  /** Appeared or changed. */
  upsert(item: P, meta: ObjectMeta): void
  /** Gone from the selection: deleted, or no longer matching. The item is as it was at the end, as far as known. */
  remove?(item: P, meta: ItemMeta): void
  /** All that there was has been told: once after each full reading. */
  synced?(): void
}

interface Options<T, P> {
  readonly keep: boolean
  readonly project: (object: T) => P | undefined
  readonly on: ReflectedHandlers<P>
  readonly onHandlerError: (error: unknown) => void
}

export interface ReflectedItems<T, P> {
  readonly items: ReadonlyMap<string, P>
  upsert(object: T): void
  remove(object: T): void
  /** A full reading begins: what is not named until `endReading` is gone. */
  beginReading(): void
  endReading(): void
}

/** What is kept of a collection, and who is told of its changes. A handler that throws is reported, never more. */
export const createReflectedItems = <T extends KubeObject, P>({
  keep,
  project,
  on,
  onHandlerError,
}: Options<T, P>): ReflectedItems<T, P> => {
  const items = new Map<string, P>()
  const metas = new Map<string, ItemMeta>()
  let unseen: Set<string> | undefined

  const guarded = <R>(run: () => R): R | undefined => {
    try {
      return run()
    } catch (error) {
      onHandlerError(error)
      return undefined
    }
  }
  const drop = (uid: string, item: P | undefined, meta: ItemMeta) => {
    items.delete(uid)
    metas.delete(uid)
    if (item !== undefined) guarded(() => on.remove?.(item, meta))
  }

  return {
    items,
    upsert: (object) => {
      const { metadata } = object
      const { uid, name, namespace, resourceVersion } = metadata
      const rereading = unseen?.delete(uid) === true
      if (rereading && metas.get(uid)?.resourceVersion === resourceVersion) return
      const item = guarded(() => project(object))
      if (item === undefined) return drop(uid, items.get(uid), metadata)
      if (keep) {
        items.set(uid, item)
        metas.set(uid, { uid, name, resourceVersion, ...(namespace !== undefined && { namespace }) })
      }
      guarded(() => on.upsert(item, metadata))
    },
    remove: (object) => {
      const { uid } = object.metadata
      drop(uid, guarded(() => project(object)) ?? items.get(uid), object.metadata)
    },
    beginReading: () => {
      unseen = new Set(items.keys())
    },
    endReading: () => {
      const vanished = unseen ?? new Set()
      unseen = undefined
      for (const uid of vanished) {
        const meta = metas.get(uid)
        if (meta !== undefined) drop(uid, items.get(uid), meta)
      }
      guarded(() => on.synced?.())
    },
  }
}

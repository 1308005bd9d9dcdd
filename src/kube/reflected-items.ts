import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'

/** Metadata of an object that is gone: all of it after a watch event, only this part after a relist. */
export type ItemMeta = Pick<ObjectMeta, 'uid' | 'name' | 'namespace' | 'resourceVersion'>

export interface ReflectedHandlers<P> {
  /** Appeared or changed. */
  upsert(item: P, meta: ObjectMeta): void
  /** Deleted, or no longer matching the selector. The item is its last known state. */
  remove?(item: P, meta: ItemMeta): void
  /** Called after each full list, when all of it has been reported. */
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
  /** Of the kept items, by uid. */
  readonly metas: ReadonlyMap<string, ItemMeta>
  /** Reports every item of the next list, even with the version that is known. */
  forgetVersions(): void
  upsert(object: T): void
  remove(object: T): void
  /** A full list begins: items that are not upserted before `endList` are gone. */
  beginList(): void
  endList(): void
}

/** The kept items of a collection; calls the handlers on changes. Errors of handlers are reported and otherwise ignored. */
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
    metas,
    forgetVersions: () => {
      for (const [uid, meta] of metas) metas.set(uid, { ...meta, resourceVersion: '' })
    },
    upsert: (object) => {
      const { metadata } = object
      const { uid, name, namespace, resourceVersion } = metadata
      const relisted = unseen?.delete(uid) === true
      if (relisted && metas.get(uid)?.resourceVersion === resourceVersion) return
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
    beginList: () => {
      unseen = new Set(items.keys())
    },
    endList: () => {
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

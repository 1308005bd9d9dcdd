import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'
import { backoffMs } from '../runtime/backoff.ts'
import { type Clock, sleep, systemClock } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'
import { forbidden, gone, kubeErrorOf, notFound } from './errors.ts'
import { followWatch, laterVersion, probeForChange, WatchBroken, type WatchEvent } from './watch-stream.ts'

export interface ReflectorOptions<T extends KubeObject, P> {
  /** For logs and metrics, such as `pods`. */
  readonly name: string
  readonly client: Pick<KubeClient, 'list' | 'stream'>
  /** Of the collection. */
  readonly path: string
  readonly query?: { readonly fieldSelector?: string; readonly labelSelector?: string }
  /** The part to keep; undefined to ignore the object. The result must not reference the object. */
  readonly project: (object: T) => P | undefined
  /** Whether to keep projections, so that a relist detects deletions. Default true. */
  readonly keep?: boolean
  readonly on: ReflectedHandlers<P> & ReflectorEvents
  readonly clock?: Clock
}

/** Events about the reflector itself. */
export interface ReflectorEvents {
  /** Every failure; the reflector continues after each. `retryInMs` is undefined when a handler threw. */
  error(error: unknown, about: { readonly name: string; readonly retryInMs?: number }): void
  /** Wall time of each message from the API server. */
  activity?(at: number): void
  /** Each request that opens a watch; `initial` when it begins with a full list. */
  open?(about: { readonly name: string; readonly initial: boolean }): void
}

export interface Reflector<P> {
  start(): void
  /** Resolves when it has stopped. */
  stop(): Promise<void>
  /** Resolves after the first full list. */
  readonly synced: Promise<void>
  hasSynced(): boolean
  /** Wall time in milliseconds of the last message from the API server; 0 before the first. */
  lastActivity(): number
  /** By uid; empty without `keep`. */
  items(): ReadonlyMap<string, P>
}

const PAGE = 500
/** Bookmarks usually come every minute; after this time without a line, a probe checks the watch. With it below 120 s. */
const SILENCE_MS = 75_000
/** For the initial list: a server that ignores `sendInitialEvents` never ends it. */
const INITIAL_SILENCE_MS = 10_000
const PROBE_MS = 15_000
/** A change that only the probe saw may still be on its way to the watch. */
const GRACE_MS = 3_000
/** A watch that lasted this long counts as a success. */
const HEALTHY_MS = 30_000
const BACKOFF = { baseMs: 500, maxMs: 30_000 }
const FORBIDDEN_MS = 30_000
const NOT_SERVED_MS = 8_000
const INITIAL_END = 'k8s.io/initial-events-end'

/**
 * Follows a collection until it is stopped: lists it (as a stream if the server supports that, else in pages), watches,
 * resumes after interruptions, and relists when its resourceVersion has expired (410).
 */
export const createReflector = <T extends KubeObject, P>(options: ReflectorOptions<T, P>): Reflector<P> => {
  const { name, client, path, query = {}, keep = true, on, clock = systemClock } = options
  const stopped = new AbortController()
  const store = createReflectedItems<T, P>({
    keep,
    project: options.project,
    on,
    onHandlerError: (cause) => on.error(new Error(`handling ${name}`, { cause }), { name }),
  })
  const { promise: synced, resolve: resolveSynced } = Promise.withResolvers<void>()
  /** Where to resume; undefined when a full list is needed. */
  let resourceVersion: string | undefined
  let streamsInitial = true
  let hasSynced = false
  let activityAt = 0
  let failures = 0
  let loop: Promise<void> | undefined

  const alive = (): void => {
    activityAt = clock.now()
    on.activity?.(activityAt)
  }

  const finishList = (version: string): void => {
    resourceVersion = version
    store.endList()
    hasSynced = true
    resolveSynced()
  }

  const listPages = async (): Promise<void> => {
    store.beginList()
    let token: string | undefined
    for (;;) {
      const page = await client.list<T>(path, { ...query, limit: PAGE, continue: token })
      alive()
      for (const object of page.items) store.upsert(object)
      if (page.continue === undefined) return finishList(page.resourceVersion)
      token = page.continue
    }
  }

  const take = ({ type, object }: WatchEvent<T>): void => {
    alive()
    const { metadata } = object
    if (type === 'ADDED' || type === 'MODIFIED') store.upsert(object)
    else if (type === 'DELETED') store.remove(object)
    else if (resourceVersion === undefined && metadata.annotations?.[INITIAL_END] === 'true') {
      finishList(metadata.resourceVersion)
    }
    // Until the list is complete, a watch cannot resume from its versions.
    if (resourceVersion !== undefined) resourceVersion = metadata.resourceVersion
  }

  const checkSilentWatch = async (): Promise<'keep' | 'reopen'> => {
    const since = resourceVersion
    if (since === undefined) {
      streamsInitial = false
      return 'reopen'
    }
    const probe = await Promise.race([
      probeForChange({ client, path, query, since, known: store.items }).catch(() => undefined),
      sleep(clock, PROBE_MS, stopped.signal).then(() => undefined),
    ])
    if (probe?.kind === 'Unchanged') {
      alive()
      // Otherwise the resourceVersion would expire. The watch may lag behind the probe, so never move it back.
      if (resourceVersion && laterVersion(probe.resourceVersion, resourceVersion))
        resourceVersion = probe.resourceVersion
      return 'keep'
    }
    if (probe?.kind === 'Changed') await sleep(clock, GRACE_MS, stopped.signal)
    return resourceVersion === since ? 'reopen' : 'keep'
  }

  const watchOnce = async (): Promise<'ended' | 'silent'> => {
    if (resourceVersion === undefined && !streamsInitial) await listPages()
    const initial = resourceVersion === undefined
    if (initial) store.beginList()
    const place = initial ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : { resourceVersion }
    return followWatch<T>({
      client,
      path,
      query: {
        ...query,
        ...place,
        allowWatchBookmarks: true,
        // Randomized, so that watches that began together do not all reconnect together.
        timeoutSeconds: 300 + Math.floor(Math.random() * 300),
      },
      clock,
      signal: stopped.signal,
      silenceMs: () => (resourceVersion === undefined ? INITIAL_SILENCE_MS : SILENCE_MS),
      onSilence: checkSilentWatch,
      onEvent: take,
      onOpen: () => {
        alive()
        on.open?.({ name, initial })
      },
    })
  }

  /** Handles a failure: resets state, reports it, and returns how long to wait. */
  const recover = (error: unknown): number => {
    const { status, retryAfterMs = 0 } = kubeErrorOf(error) ?? {}
    if (streamsInitial && resourceVersion === undefined && (status === 422 || status === 400)) {
      streamsInitial = false
      return 0
    }
    failures += 1
    // Relist to get past an event that breaks the watch every time.
    const keepsFailing = status === undefined && failures > 2
    if (gone(error) || error instanceof WatchBroken || keepsFailing) resourceVersion = undefined
    const waitMs = backoffMs(BACKOFF, failures)
    // Without a watch cache, history is short, so an expired resourceVersion is routine.
    if (gone(error)) return failures === 1 ? 0 : waitMs
    const jitter = 0.75 + Math.random() / 2
    const slowMs = forbidden(error) ? FORBIDDEN_MS * jitter : notFound(error) ? NOT_SERVED_MS * jitter : 0
    const retryInMs = Math.max(waitMs, slowMs, retryAfterMs)
    on.error(error, { name, retryInMs })
    return retryInMs
  }

  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const openedAt = clock.monotonic()
      let waitMs = 0
      try {
        const end = await watchOnce()
        const healthy = clock.monotonic() - openedAt >= HEALTHY_MS
        if (end === 'silent' && hasSynced) {
          on.error(new Error(`watch of ${name}: silent for too long, restarting it`), { name, retryInMs: 0 })
        }
        failures = healthy ? 0 : failures + 1
        waitMs = healthy || end === 'silent' ? 0 : backoffMs(BACKOFF, failures)
      } catch (error) {
        if (stopped.signal.aborted) return
        if (clock.monotonic() - openedAt >= HEALTHY_MS) failures = 0
        waitMs = recover(error)
      }
      await sleep(clock, waitMs, stopped.signal)
    }
  }

  return {
    start: () => {
      loop ??= run()
    },
    stop: async () => {
      stopped.abort()
      await loop
    },
    synced,
    hasSynced: () => hasSynced,
    lastActivity: () => activityAt,
    items: () => store.items,
  }
}

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

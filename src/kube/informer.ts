import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'
import { backoffMs } from '../runtime/backoff.ts'
import { type Clock, sleep, systemClock } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'
import { forbidden, gone, kubeErrorOf, notFound } from './errors.ts'
import { followWatch, laterVersion, probeForChange, WatchBroken, type WatchEvent } from './watch-stream.ts'

export interface ReflectorOptions<T extends KubeObject, P> {
  /** For logs and metrics, as `pods`. */
  readonly name: string
  readonly client: Pick<KubeClient, 'list' | 'stream'>
  /** Of the collection. */
  readonly path: string
  readonly query?: { readonly fieldSelector?: string; readonly labelSelector?: string }
  /** The part worth having; undefined: none of it. What is returned must not hold on to the object. */
  readonly project: (object: T) => P | undefined
  /** Whether projections are kept, so that a new list can tell what vanished. Default true. */
  readonly keep?: boolean
  readonly on: ReflectedHandlers<P> & ReflectorEvents
  readonly clock?: Clock
}

/** What a reflector reports of itself. */
export interface ReflectorEvents {
  /** Every failure; the reflector goes on after each. `retryInMs` is undefined when a handler threw. */
  error(error: unknown, about: { readonly name: string; readonly retryInMs?: number }): void
  /** Wall time of each activity of the API server. */
  activity?(at: number): void
  /** Each request that opens a watch; `initial` when it begins with a full reading. */
  open?(about: { readonly name: string; readonly initial: boolean }): void
}

export interface Reflector<P> {
  start(): void
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>
  /** Resolves after the first full reading. */
  readonly synced: Promise<void>
  hasSynced(): boolean
  /** Wall time in milliseconds of the last sign of life; 0 before the first. */
  lastActivity(): number
  /** By uid; empty without `keep`. */
  items(): ReadonlyMap<string, P>
}

const PAGE = 500
/**
 * Bookmarks mostly come every minute; after so long without any line the watch is questioned. With the probe below
 * 120 s.
 */
const SILENCE_MS = 75_000
/** A first reading that stalls: a server that ignores `sendInitialEvents` never ends it. */
const INITIAL_SILENCE_MS = 10_000
const PROBE_MS = 15_000
/** What the probe saw and the watch did not may be on its way. */
const GRACE_MS = 3_000
/** A watch that lived so long was a success. */
const HEALTHY_MS = 30_000
const BACKOFF = { baseMs: 500, maxMs: 30_000 }
const FORBIDDEN_MS = 30_000
const NOT_SERVED_MS = 8_000
const INITIAL_END = 'k8s.io/initial-events-end'

/**
 * Follows a collection for as long as it runs, whatever happens: reads all of it (streamed where the server can, else
 * by pages), watches, takes up where it stopped, and reads again when its place is forgotten (410).
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
  /** Where to take up; undefined: a full reading is due. */
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

  const finishReading = (version: string): void => {
    resourceVersion = version
    store.endReading()
    hasSynced = true
    resolveSynced()
  }

  const readPages = async (): Promise<void> => {
    store.beginReading()
    let token: string | undefined
    for (;;) {
      const page = await client.list<T>(path, { ...query, limit: PAGE, continue: token })
      alive()
      for (const object of page.items) store.upsert(object)
      if (page.continue === undefined) return finishReading(page.resourceVersion)
      token = page.continue
    }
  }

  const take = ({ type, object }: WatchEvent<T>): void => {
    alive()
    const { metadata } = object
    if (type === 'ADDED' || type === 'MODIFIED') store.upsert(object)
    else if (type === 'DELETED') store.remove(object)
    else if (resourceVersion === undefined && metadata.annotations?.[INITIAL_END] === 'true') {
      finishReading(metadata.resourceVersion)
    }
    // Until the reading is complete its versions are no place to take up from.
    if (resourceVersion !== undefined) resourceVersion = metadata.resourceVersion
  }

  const questionSilence = async (): Promise<'keep' | 'reopen'> => {
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
      // Else the place would be forgotten meanwhile. The watch may be told of this later than we: never back.
      if (resourceVersion && laterVersion(probe.resourceVersion, resourceVersion))
        resourceVersion = probe.resourceVersion
      return 'keep'
    }
    if (probe?.kind === 'Changed') await sleep(clock, GRACE_MS, stopped.signal)
    return resourceVersion === since ? 'reopen' : 'keep'
  }

  const watchOnce = async (): Promise<'ended' | 'silent'> => {
    if (resourceVersion === undefined && !streamsInitial) await readPages()
    const initial = resourceVersion === undefined
    if (initial) store.beginReading()
    const place = initial ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : { resourceVersion }
    return followWatch<T>({
      client,
      path,
      query: {
        ...query,
        ...place,
        allowWatchBookmarks: true,
        // Spread, so that watches that began together do not all come back together.
        timeoutSeconds: 300 + Math.floor(Math.random() * 300),
      },
      clock,
      signal: stopped.signal,
      silenceMs: () => (resourceVersion === undefined ? INITIAL_SILENCE_MS : SILENCE_MS),
      onSilence: questionSilence,
      onEvent: take,
      onOpen: () => {
        alive()
        on.open?.({ name, initial })
      },
    })
  }

  /** After a failure: what to forget, what to report, how long to wait. */
  const recover = (error: unknown): number => {
    const { status, retryAfterMs = 0 } = kubeErrorOf(error) ?? {}
    if (streamsInitial && resourceVersion === undefined && (status === 422 || status === 400)) {
      streamsInitial = false
      return 0
    }
    failures += 1
    // What breaks again and again at the same place is passed by reading anew.
    const stuck = status === undefined && failures > 2
    if (gone(error) || error instanceof WatchBroken || stuck) resourceVersion = undefined
    const waitMs = backoffMs(BACKOFF, failures)
    // Histories are short where there is no watch cache: to have lost the place is routine.
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
        const lived = clock.monotonic() - openedAt >= HEALTHY_MS
        if (end === 'silent' && hasSynced) {
          on.error(new Error(`watch of ${name}: silent for too long, restarting it`), { name, retryInMs: 0 })
        }
        failures = lived ? 0 : failures + 1
        waitMs = lived || end === 'silent' ? 0 : backoffMs(BACKOFF, failures)
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

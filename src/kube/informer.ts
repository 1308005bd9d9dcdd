import type { KubeObject } from '../model/kubernetes.ts'
import { backoffMs } from '../runtime/backoff.ts'
import { type Clock, sleep, systemClock } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'
import { createComparison } from './comparison.ts'
import { forbidden, gone, kubeErrorOf, notFound } from './errors.ts'
import { createReflectedItems, type ReflectedHandlers } from './reflected-items.ts'
import {
  followWatch,
  laterVersion,
  probeForChange,
  type ProbeResult,
  ServerRestored,
  WatchBroken,
  type WatchEvent,
} from './watch-stream.ts'

export interface ReflectorOptions<T extends KubeObject, P> {
  /** For logs and metrics, such as `pods`. */
  readonly name: string
  readonly client: Pick<KubeClient, 'list' | 'stream'>
  /** Of the collection. */
  readonly path: string
  readonly query?: { readonly fieldSelector?: string; readonly labelSelector?: string }
  /** The part to keep; undefined to ignore the object. The result must not reference the object. */
  readonly project: (object: T) => P | undefined
  /**
   * Whether to keep projections, so that a relist detects deletions. `compared`: what is kept is also compared with the
   * collection from time to time, because a server may drop events and go on with bookmarks; only for a small collection of
   * which everything is kept. Default true.
   */
  readonly keep?: boolean | 'compared'
  readonly on: ReflectedHandlers<P> & ReflectorEvents
  readonly clock?: Clock
}

/** Events about the reflector itself. */
export interface ReflectorEvents {
  /** Every failure; the reflector continues after each. `retryInMs` is undefined when a handler threw. */
  error(error: unknown, about: { readonly name: string; readonly retryInMs?: number }): void
  /** Wall time of each sign that the items are current: a list, an event, a bookmark, a probe that found no change. */
  activity?(at: number): void
  /** The server lost changes that it had reported: every version known from it is void. The caller relists everything. */
  restored?(): void
  /** The watch works again, after every attempt had failed for this time. */
  recovered?(failedForMs: number): void
  /** Each request that opens a watch; `initial` when it begins with a full list. */
  open?(about: { readonly name: string; readonly initial: boolean }): void
}

export interface Reflector<P> {
  start(): void
  /** Resolves when it has stopped. */
  stop(): Promise<void>
  /** Resolves after the first full list. */
  readonly synced: Promise<void>
  /** Whether there was a full list, and since the last restore of the server. */
  hasSynced(): boolean
  /** Lists everything again, and watches from there. `anew`: reports every item, even with the version that is known. */
  relist(options?: { readonly anew?: boolean }): void
  /** Resolves once the items are known to be as current as this call; relists if necessary. */
  confirm(): Promise<void>
  /** When it last heard that its items are current. */
  heard(): Heard
  /** By uid; empty without `keep`. */
  items(): ReadonlyMap<string, P>
}

export interface Heard {
  /** Wall time in ms, for people; 0 if never. */
  readonly at: number
  /** Time since then in ms; infinite if never. */
  readonly agoMs: number
  /** Since when every attempt has failed, in ms, and the last error; absent while the watch works. */
  readonly failing?: { readonly forMs: number; readonly error: unknown }
}

const PAGE = 500
/** Bookmarks usually come every minute; after this time without a line, a probe checks the watch. With it below 120 s. */
const SILENCE_MS = 75_000
/** For the initial list: a server that ignores `sendInitialEvents` never ends it. */
const INITIAL_SILENCE_MS = 10_000
const PROBE_MS = 15_000
/** A change that only the probe saw may still be on its way to the watch. */
const GRACE_MS = 3_000
const CONFIRM_AGAIN_MS = 500
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
    keep: keep !== false,
    project: options.project,
    on,
    onHandlerError: (cause) => on.error(new Error(`handling ${name}`, { cause }), { name }),
  })
  const { promise: synced, resolve: resolveSynced } = Promise.withResolvers<void>()
  /** Where to resume; undefined when a full list is needed. */
  let resourceVersion: string | undefined
  /** The version after which the current watch began. */
  let resumedFrom = '0'
  let streamsInitial = true
  /** Numbers of full lists: the last one that was asked for, in progress and complete; without `needed`, all is void. */
  const lists = { wanted: 1, begun: 0, complete: 0, needed: 1 }
  let heardAt: { readonly wall: number; readonly monotonic: number } | undefined
  let failing: { readonly since: number; readonly error: unknown } | undefined
  /** The connection broke: whether the watch may resume must be checked. */
  let interrupted = false
  let failures = 0
  let loop: Promise<void> | undefined
  /** Ends the current watch. */
  let watching = new AbortController()
  const waiting = new Set<() => void>()

  const hasSynced = (): boolean => lists.complete >= lists.needed
  const isListed = (): boolean => lists.complete === lists.wanted

  const recovered = (): void => {
    if (failing === undefined) return
    const failedForMs = clock.monotonic() - failing.since
    failing = undefined
    on.recovered?.(failedForMs)
  }

  const alive = (): void => {
    heardAt = { wall: clock.now(), monotonic: clock.monotonic() }
    recovered()
    on.activity?.(heardAt.wall)
  }

  const beginList = (): void => {
    lists.begun = lists.wanted
    store.beginList()
  }

  const finishList = (version: string): void => {
    // Another list was asked for in the meantime.
    resourceVersion = lists.begun === lists.wanted ? version : undefined
    resumedFrom = version
    lists.complete = lists.begun
    interrupted = false
    comparison?.listed()
    alive()
    store.endList()
    resolveSynced()
    if (isListed()) for (const resolve of waiting) resolve()
  }

  const relist: Reflector<P>['relist'] = ({ anew = false } = {}) => {
    lists.wanted += 1
    resourceVersion = undefined
    if (anew) {
      lists.needed = lists.wanted
      store.forgetVersions()
    }
    watching.abort()
  }

  const comparison =
    keep === 'compared'
      ? createComparison({
          client,
          path,
          query,
          clock,
          known: store.metas,
          onUndelivered: () => {
            const error = new Error(`watch of ${name}: it did not deliver all changes, listing everything again`)
            on.error(error, { name, retryInMs: 0 })
            relist()
          },
        })
      : undefined

  const untilListed = (): Promise<void> =>
    isListed()
      ? Promise.resolve()
      : new Promise((resolve) => {
          const done = () => {
            waiting.delete(done)
            stopped.signal.removeEventListener('abort', done)
            resolve()
          }
          waiting.add(done)
          stopped.signal.addEventListener('abort', done, { once: true })
        })

  const restored = (): void => {
    on.error(new ServerRestored(`${name}: the API server has an earlier state than before; listing everything again`), {
      name,
      retryInMs: 0,
    })
    relist({ anew: true })
    on.restored?.()
  }

  /** Compares with the collection itself; handles a restored server. Undefined if there is no answer in time. */
  const probe = async (since: string): Promise<ProbeResult | undefined> => {
    const found = await Promise.race([
      probeForChange({ client, path, query, since, known: store.metas }),
      sleep(clock, PROBE_MS, stopped.signal).then(() => undefined),
    ])
    if (found?.kind === 'Restored') restored()
    if (found?.kind === 'Unchanged') alive()
    return found
  }

  /** Before a watch resumes after a failure: the server may have been restored while it could not be reached. */
  const checkInterrupted = async (since: string): Promise<void> => {
    const found = await probe(since)
    interrupted = found === undefined
    // A watch from a version that the server lost in a restore would not report what else it lost.
    if (found?.kind === 'Changed' && keep !== false) relist()
  }

  const listPages = async (): Promise<void> => {
    beginList()
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
    const { metadata } = object
    // Bookmarks of one watch are in order; only a server that lost its state sends an earlier one.
    const isEarlier = resourceVersion !== undefined && laterVersion(resumedFrom, metadata.resourceVersion)
    if (type === 'BOOKMARK' && isEarlier) throw new ServerRestored(`watch of ${name}: a bookmark went back`)
    alive()
    if (type === 'ADDED' || type === 'MODIFIED') store.upsert(object)
    else if (type === 'DELETED') store.remove(object)
    else if (resourceVersion === undefined && metadata.annotations?.[INITIAL_END] === 'true') {
      finishList(metadata.resourceVersion)
    } else if (resourceVersion !== undefined) comparison?.atBookmark(metadata.resourceVersion, watching.signal)
    // Until the list is complete, a watch cannot resume from its versions.
    if (resourceVersion !== undefined) resourceVersion = metadata.resourceVersion
  }

  const checkSilentWatch = async (): Promise<'keep' | 'reopen'> => {
    const since = resourceVersion
    if (since === undefined) {
      streamsInitial = false
      return 'reopen'
    }
    const found = await probe(since).catch(() => undefined)
    if (found?.kind === 'Restored') return 'reopen'
    if (found?.kind === 'Unchanged') {
      // Otherwise the resourceVersion would expire. The watch may lag behind the probe, so never move it back.
      if (resourceVersion && laterVersion(found.resourceVersion, resourceVersion))
        resourceVersion = found.resourceVersion
      return 'keep'
    }
    if (found?.kind === 'Changed') await sleep(clock, GRACE_MS, stopped.signal)
    return resourceVersion === since ? 'reopen' : 'keep'
  }

  const watchOnce = async (): Promise<'ended' | 'silent'> => {
    if (interrupted && resourceVersion !== undefined) await checkInterrupted(resourceVersion)
    watching = new AbortController()
    if (resourceVersion === undefined && !streamsInitial) await listPages()
    if (watching.signal.aborted) return 'ended'
    const initial = resourceVersion === undefined
    if (initial) beginList()
    resumedFrom = resourceVersion ?? '0'
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
      signal: AbortSignal.any([stopped.signal, watching.signal]),
      silenceMs: () => (resourceVersion === undefined ? INITIAL_SILENCE_MS : SILENCE_MS),
      onSilence: checkSilentWatch,
      onEvent: take,
      onOpen: () => {
        recovered()
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
    if (error instanceof ServerRestored) {
      restored()
      return backoffMs(BACKOFF, failures)
    }
    interrupted = true
    failing = { since: failing?.since ?? clock.monotonic(), error }
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
        if (watching.signal.aborted && !stopped.signal.aborted) continue
        const healthy = clock.monotonic() - openedAt >= HEALTHY_MS
        if (end === 'silent' && hasSynced()) {
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

  const confirm = async (): Promise<void> => {
    for (let changes = 0; !stopped.signal.aborted; ) {
      await untilListed()
      const found = resourceVersion && (await probe(resourceVersion).catch(() => undefined))
      // The state of a collection that is too large for a probe is known up to the last event.
      if (found && (found.kind === 'Unchanged' || found.kind === 'Unknown')) return
      if (found && found.kind === 'Changed') changes += 1
      // What changed may be on its way.
      if (changes > 1) relist()
      if (!isListed()) return untilListed()
      await sleep(clock, CONFIRM_AGAIN_MS, stopped.signal)
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
    hasSynced,
    relist,
    confirm,
    heard: () => ({
      at: heardAt?.wall ?? 0,
      agoMs: heardAt === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - heardAt.monotonic,
      ...(failing && { failing: { forMs: clock.monotonic() - failing.since, error: failing.error } }),
    }),
    items: () => store.items,
  }
}

import type { KubeObject } from '../model/kubernetes.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import type { KubeClient, ListOptions, Query } from './client.ts'
import type { StatusObject } from './errors.ts'
import { errorOfStatus } from './status.ts'

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

interface FollowOptions<T> {
  readonly client: Pick<KubeClient, 'stream'>
  readonly path: string
  readonly query: Query
  readonly clock: Clock
  readonly signal: AbortSignal
  /** How long the watch may be silent before `onSilence` is asked. */
  readonly silenceMs: () => number
  /** Whether the silence is to be borne. */
  readonly onSilence: () => Promise<'keep' | 'reopen'>
  readonly onEvent: (event: WatchEvent<T>) => void
  readonly onOpen?: () => void
}

/** The API server broke a watch off with a Status inside the stream: what it knew of our place in history is lost. */
export class WatchBroken extends Error {
  override readonly name = 'WatchBroken'
}

/**
 * One watch, until the server ends it (`ended`, as it does after `timeoutSeconds`), the signal aborts or silence is no
 * longer borne (`silent`). Rejects when it cannot be opened, breaks, or says something that is not an event.
 */
export const followWatch = async <T extends KubeObject>(options: FollowOptions<T>): Promise<'ended' | 'silent'> => {
  const { client, path, query, clock, signal } = options
  const stream = await client.stream(path, query)
  let heardAt = clock.monotonic()
  let silent = false
  const over = new AbortController()
  const close = () => stream.close()
  signal.addEventListener('abort', close, { once: true })
  if (signal.aborted) close()
  options.onOpen?.()

  const guardSilence = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const leftMs = heardAt + options.silenceMs() - clock.monotonic()
      if (leftMs > 0) {
        await sleep(clock, leftMs, over.signal)
        continue
      }
      const verdict = await options.onSilence()
      if (over.signal.aborted) return
      if (verdict === 'reopen') {
        silent = true
        return stream.close()
      }
      heardAt = clock.monotonic()
    }
  }
  void guardSilence()
  try {
    for await (const line of stream.lines) {
      heardAt = clock.monotonic()
      options.onEvent(parseEvent(line, path))
      if (signal.aborted) break
    }
  } finally {
    over.abort()
    signal.removeEventListener('abort', close)
    stream.close()
  }
  return silent ? 'silent' : 'ended'
}

const parseEvent = <T>(line: string, path: string): WatchEvent<T> => {
  let event: WatchEvent<T> | { readonly type: 'ERROR'; readonly object: StatusObject }
  try {
    event = JSON.parse(line) as typeof event
  } catch (cause) {
    throw new Error(`watch ${path}: a line is not JSON: ${line.slice(0, 80)}`, { cause })
  }
  if (event.type === 'ERROR') {
    const cause = errorOfStatus(event.object, { verb: 'watch', path })
    throw new WatchBroken(cause.message, { cause })
  }
  return event
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const MAX_PAGES = 4

/**
 * Whether resource version `a` is later than `b`. They are decimal numbers, ordered since Kubernetes has been on etcd
 * 3.
 */
export const laterVersion = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length)

export type ProbeResult =
  /**
   * Something changed after `since`, or of what is known something is gone: a watch that said nothing of it is dead.
   */
  | { readonly kind: 'Changed' }
  /** Nothing did, up to this version. */
  | { readonly kind: 'Unchanged'; readonly resourceVersion: string }
  /** More objects than a probe should read. */
  | { readonly kind: 'Unknown' }

interface Probe {
  readonly client: Pick<KubeClient, 'list'>
  readonly path: string
  readonly query: Pick<ListOptions, 'fieldSelector' | 'labelSelector'>
  readonly since: string
  /** By uid. */
  readonly known: ReadonlyMap<string, unknown>
}

/**
 * Asks whether a silent watch should have said something. Nothing but the collection itself can tell a quiet one from
 * a half-open connection: events have no watch cache and so no bookmarks, and for others the first bookmark of a watch
 * can take two minutes (measured on Kubernetes 1.36).
 */
export const probeForChange = async ({ client, path, query, since, known }: Probe): Promise<ProbeResult> => {
  const missing = new Set(known.keys())
  let token: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const list = await client.list<KubeObject>(path, { ...query, limit: 500, continue: token, accept: METADATA_ONLY })
    for (const { metadata } of list.items) {
      if (laterVersion(metadata.resourceVersion, since)) return { kind: 'Changed' }
      missing.delete(metadata.uid)
    }
    if (list.continue === undefined) {
      return missing.size > 0 ? { kind: 'Changed' } : { kind: 'Unchanged', resourceVersion: list.resourceVersion }
    }
    token = list.continue
  }
  return { kind: 'Unknown' }
}

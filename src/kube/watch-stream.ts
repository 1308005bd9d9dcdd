import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'
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
  /** How long the watch may be silent before `onSilence` is called. */
  readonly silenceMs: () => number
  /** Decides whether to keep waiting or to reopen the watch. */
  readonly onSilence: () => Promise<'keep' | 'reopen'>
  readonly onEvent: (event: WatchEvent<T>) => void
  readonly onOpen?: () => void
}

/** The API server ended a watch with a Status in the stream: the watch cannot resume from its resourceVersion. */
export class WatchBroken extends Error {
  override readonly name = 'WatchBroken'
}

/**
 * Follows one watch until the server ends it (`ended`, as it does after `timeoutSeconds`), the signal aborts, or
 * `onSilence` gives it up (`silent`). Rejects when it cannot be opened, breaks, or sends something that is not an event.
 */
export const followWatch = async <T extends KubeObject>(options: FollowOptions<T>): Promise<'ended' | 'silent'> => {
  const { client, path, query, clock, signal } = options
  const stream = await client.stream(path, query)
  let lastLineAt = clock.monotonic()
  let silent = false
  const over = new AbortController()
  const close = () => stream.close()
  signal.addEventListener('abort', close, { once: true })
  if (signal.aborted) close()
  options.onOpen?.()

  const guardSilence = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const leftMs = lastLineAt + options.silenceMs() - clock.monotonic()
      if (leftMs > 0) {
        await sleep(clock, leftMs, over.signal)
        continue
      }
      const action = await options.onSilence()
      if (over.signal.aborted) return
      if (action === 'reopen') {
        silent = true
        return stream.close()
      }
      lastLineAt = clock.monotonic()
    }
  }
  void guardSilence()
  try {
    for await (const line of stream.lines) {
      lastLineAt = clock.monotonic()
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

/** The server's state is earlier than the one known: its storage was restored from a backup, or replaced. */
export class ServerRestored extends Error {
  override readonly name = 'ServerRestored'
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

/** Asks for a list of metadata alone. */
export const METADATA_ONLY_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const MAX_PAGES = 4

/** Whether resource version `a` is later than `b`. They are ordered decimal numbers since Kubernetes uses etcd 3. */
export const laterVersion = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length)

export type ProbeResult =
  /** The server has an earlier state than the one known: its storage was restored from a backup, or replaced. */
  | { readonly kind: 'Restored' }
  /** Something changed after `since`, or a known object is gone: a watch that did not report it is dead. */
  | { readonly kind: 'Changed' }
  /** Nothing changed up to this version. */
  | { readonly kind: 'Unchanged'; readonly resourceVersion: string }
  /** The collection is too large for a probe. */
  | { readonly kind: 'Unknown' }

interface Probe {
  readonly client: Pick<KubeClient, 'list'>
  readonly path: string
  readonly query: Pick<ListOptions, 'fieldSelector' | 'labelSelector'>
  readonly since: string
  /** By uid. */
  readonly known: ReadonlyMap<string, Pick<ObjectMeta, 'resourceVersion'>>
}

/**
 * Checks whether a watch has missed a change. Only the collection itself can distinguish a quiet watch from a half-open
 * connection: Events have no watch cache and so no bookmarks, and for other kinds the first bookmark can take two minutes
 * (measured on Kubernetes 1.36). A list without a resourceVersion is consistent, so what it says is never older than
 * what was known before, unless the server lost it.
 */
export const probeForChange = async ({ client, path, query, since, known }: Probe): Promise<ProbeResult> => {
  const versions = new Map([...known].map(([uid, { resourceVersion }]) => [uid, resourceVersion]))
  let token: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const list = await client.list<KubeObject>(path, {
      ...query,
      limit: 500,
      continue: token,
      accept: METADATA_ONLY_LIST,
    })
    if (laterVersion(since, list.resourceVersion)) return { kind: 'Restored' }
    let changed = false
    for (const { metadata } of list.items) {
      const before = versions.get(metadata.uid)
      if (before !== undefined && laterVersion(before, metadata.resourceVersion)) return { kind: 'Restored' }
      changed ||= laterVersion(metadata.resourceVersion, since)
      versions.delete(metadata.uid)
    }
    if (changed) return { kind: 'Changed' }
    if (list.continue === undefined) {
      return versions.size > 0 ? { kind: 'Changed' } : { kind: 'Unchanged', resourceVersion: list.resourceVersion }
    }
    token = list.continue
  }
  return { kind: 'Unknown' }
}

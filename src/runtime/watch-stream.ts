import type { KubeObject } from '../api/kubernetes.ts'
import { type Clock, sleep } from './clock.ts'
import type { StatusObject } from './errors.ts'
import type { KubeClient, Query } from './kube-client.ts'
import { errorOfStatus } from './status-error.ts'

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

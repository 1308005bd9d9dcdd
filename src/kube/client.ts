import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../runtime/backoff.ts'
import { KubeError, type Verb } from './errors.ts'
import { errorOfResponse } from './status.ts'
import {
  type Connection,
  createTransport,
  type HttpRequest,
  type HttpResponse,
  splitLines,
  TransportError,
} from './transport.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface ListOptions {
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Page size; the response's `continue` requests the next page. Default: everything, up to the limit on responses. */
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined
  /** For metadata only: `application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`. */
  readonly accept?: string | undefined
}

export interface List<T> {
  readonly items: readonly T[]
  readonly resourceVersion: string
  readonly continue?: string
}

export interface PatchOptions {
  readonly type: 'json' | 'merge' | 'apply'
  readonly dryRun?: boolean | undefined
  /** Default: the first word of the user agent, as in the API server. */
  readonly fieldManager?: string | undefined
  /** Server-side apply only: take fields over from other managers. */
  readonly force?: boolean | undefined
}

export interface DeleteOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
  readonly gracePeriodSeconds?: number
  readonly dryRun?: readonly 'All'[]
}

export interface WatchStream {
  readonly status: number
  /** Ends with the response; throws when the connection breaks or a line is too long. */
  readonly lines: AsyncIterable<string>
  close(): void
}

/** The Kubernetes API as JSON over HTTP. Paths come from `pathOf`. Every method rejects with `KubeError`. */
export interface KubeClient {
  get<T>(path: string, options?: { query?: Query; accept?: string }): Promise<T>
  /** One request: one page when `limit` is given. `listAll` follows pages. */
  list<T>(path: string, options?: ListOptions): Promise<List<T>>
  create<T>(path: string, body: unknown, options?: { query?: Query }): Promise<T>
  replace<T>(path: string, body: unknown, options?: { query?: Query }): Promise<T>
  patch<T>(path: string, body: unknown, options: PatchOptions): Promise<T>
  /** Resolves with a Status, or with the object while finalizers keep it. */
  remove<T>(path: string, body?: DeleteOptions): Promise<T>
  /** Opens a watch on its own socket. */
  stream(path: string, query: Query): Promise<WatchStream>
}

/** The reads alone: of single objects, and of lists that a selector or a limit bounds. */
export type Reads = Pick<KubeClient, 'get' | 'list'>

/** Reported after every exchange, including retries; `status` 0 means no response. */
export interface RequestRecord {
  readonly verb: Verb
  readonly path: string
  readonly status: number
  readonly durationMs: number
}

export interface KubeClientOptions {
  readonly userAgent: string
  /** The fence: called right before each mutating request is sent, including retries; throws to prevent it. */
  readonly beforeWrite?: (() => void) | undefined
  /** Aborts all requests in progress and rejects later ones. */
  readonly signal?: AbortSignal | undefined
  readonly onRequest?: ((record: RequestRecord) => void) | undefined
  /** Default: 10 s to read one object, 15 s to open a watch, 30 s for a list or a write (admission may be slow). */
  readonly timeoutMs?: Partial<Readonly<Record<Verb, number>>> | undefined
  /** Default 64 MiB. */
  readonly maxBytes?: number | undefined
  /** Connections in the pool. Default 16. */
  readonly maxSockets?: number | undefined
}

const CONTENT_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

const TIMEOUTS: Readonly<Record<Verb, number>> = {
  get: 10_000,
  list: 30_000,
  watch: 15_000,
  create: 30_000,
  update: 30_000,
  patch: 30_000,
  delete: 30_000,
}

const MAX_LINE_BYTES = 16 * 2 ** 20

const search = (query: Query): string => {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) if (value !== undefined) params.set(key, String(value))
  const text = params.toString()
  return text && `?${text}`
}

export const createKubeClient = (connection: Connection, options: KubeClientOptions): KubeClient => {
  const { userAgent, beforeWrite, onRequest } = options
  const signal = options.signal ? AbortSignal.any([options.signal]) : new AbortController().signal
  const transport = createTransport(connection, {
    signal,
    maxBytes: options.maxBytes ?? 64 * 2 ** 20,
    maxSockets: options.maxSockets ?? 16,
  })
  const manager = userAgent.split(/[\s/]/)[0] ?? userAgent

  const headersFor = async (more: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
    const authorization = await connection.authorization()
    return {
      accept: 'application/json',
      'user-agent': userAgent,
      ...connection.headers,
      ...(authorization !== undefined && { authorization }),
      ...more,
    }
  }

  /**
   * Runs `send`, retries it once with fresh credentials if they were refused, and otherwise as `nextAttemptMs`
   * decides.
   */
  const withRetries = async <R extends { readonly status: number }>(
    verb: Verb,
    path: string,
    send: () => Promise<R>,
    failure: (answer: R) => Promise<KubeError>,
  ): Promise<R> => {
    let refreshed = false
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now()
      const record = (status: number) => onRequest?.({ verb, path, status, durationMs: performance.now() - started })
      let error: KubeError
      let sent = true
      try {
        const answer = await send()
        record(answer.status)
        if (answer.status >= 200 && answer.status < 300) return answer
        error = await failure(answer)
      } catch (cause) {
        if (!(cause instanceof TransportError)) throw cause
        record(0)
        sent = cause.sent
        const about = { status: 0, reason: cause.kind, verb, path }
        error = new KubeError(`${verb} ${path}: ${cause.message}`, about, { cause })
      }
      if (signal.aborted) throw error
      if (error.status === 401 && !refreshed) {
        refreshed = true
        await connection.refresh()
        continue
      }
      const waitMs = nextAttemptMs(verb, error, sent, attempt)
      if (waitMs === undefined) throw error
      await delay(waitMs, undefined, { signal }).catch(() => {
        throw error
      })
    }
  }

  const request = async <T>(verb: Verb, method: string, path: string, more: RequestParts = {}): Promise<T> => {
    const body = more.body === undefined ? undefined : JSON.stringify(more.body)
    const extra = {
      ...(more.accept !== undefined && { accept: more.accept }),
      ...(body !== undefined && { 'content-type': more.contentType ?? 'application/json' }),
    }
    const full = path + search(more.query ?? {})
    const send = async (): Promise<HttpResponse> => {
      const headers = await headersFor(extra)
      if (!READS.includes(verb)) beforeWrite?.()
      return transport.exchange({
        method,
        path: full,
        headers,
        body,
        timeoutMs: options.timeoutMs?.[verb] ?? TIMEOUTS[verb],
      })
    }
    const answer = await withRetries(verb, path, send, async ({ status, body: text, headers }) =>
      errorOfResponse({ status, body: text, headers }, { verb, path }),
    )
    try {
      return JSON.parse(answer.body) as T
    } catch (cause) {
      const about = { status: 0, reason: 'NotJSON', verb, path }
      throw new KubeError(`${verb} ${path}: the answer is not JSON`, about, { cause })
    }
  }

  return {
    get: (path, { query, accept } = {}) => request('get', 'GET', path, { query, accept }),
    list: async <T>(path: string, { accept, ...query }: ListOptions = {}) => {
      const answer = await request<RawList<T>>('list', 'GET', path, { query, accept })
      const { resourceVersion = '', continue: token } = answer.metadata ?? {}
      return { items: answer.items ?? [], resourceVersion, ...(token && { continue: token }) }
    },
    create: (path, body, { query } = {}) => request('create', 'POST', path, { body, query }),
    replace: (path, body, { query } = {}) => request('update', 'PUT', path, { body, query }),
    patch: (path, body, { type, dryRun, fieldManager, force }) =>
      request('patch', 'PATCH', path, {
        body,
        contentType: CONTENT_TYPES[type],
        query: {
          dryRun: dryRun ? 'All' : undefined,
          fieldManager: fieldManager ?? manager,
          force: type === 'apply' ? force : undefined,
        },
      }),
    // The server reads `dryRun` from the body; in the query it also shows in the audit log.
    remove: (path, body) => request('delete', 'DELETE', path, { body, query: { dryRun: body?.dryRun?.[0] } }),
    stream: async (path, query) => {
      const full = path + search({ ...query, watch: true })
      const send = async () => {
        const sending: HttpRequest = {
          method: 'GET',
          path: full,
          headers: await headersFor({}),
          timeoutMs: TIMEOUTS.watch,
        }
        const response = await transport.open(sending)
        return { status: response.statusCode ?? 0, response }
      }
      const { status, response } = await withRetries('watch', path, send, async (answer) =>
        errorOfResponse(
          {
            status: answer.status,
            body: await transport.read(answer.response),
            headers: answer.response.headers,
          },
          { verb: 'watch', path },
        ),
      )
      return { status, lines: splitLines(response, MAX_LINE_BYTES), close: () => response.destroy() }
    },
  }
}

interface RequestParts {
  readonly query?: Query | undefined
  readonly body?: unknown
  readonly contentType?: string | undefined
  readonly accept?: string | undefined
}

interface RawList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items?: readonly T[]
}

/**
 * Every item of a collection in pages of `limit` (default 500), as one consistent snapshot. Rejects beyond `maxItems`
 * (default 10,000): more must not be held in memory at once.
 */
export const listAll = async <T>(
  client: Pick<KubeClient, 'list'>,
  path: string,
  { maxItems = 10_000, ...options }: ListOptions & { readonly maxItems?: number } = {},
): Promise<List<T>> => {
  const items: T[] = []
  let token: string | undefined
  for (;;) {
    const page = await client.list<T>(path, { limit: 500, ...options, continue: token })
    items.push(...page.items)
    token = page.continue
    if (token === undefined) return { items, resourceVersion: page.resourceVersion }
    if (items.length > maxItems) {
      const about = { status: 0, reason: 'TooLarge', verb: 'list', path } as const
      throw new KubeError(`list ${path}: more than ${maxItems} objects`, about)
    }
  }
}

export const READS: readonly Verb[] = ['get', 'list', 'watch']
const MAX_ATTEMPTS = 4
/** Longer waits are left to the caller, which can do other work in the meantime. */
const LONGEST_WAIT_MS = 10_000

/**
 * How long to wait before the next attempt; undefined for no further attempt. A 429 or 503 with Retry-After was rejected
 * before it had any effect, and an unsent request had none either: only these two are retried for writes as well.
 */
export const nextAttemptMs = (verb: Verb, error: KubeError, sent: boolean, attempt: number): number | undefined => {
  // Watchers have their own back-off.
  if (attempt >= MAX_ATTEMPTS || verb === 'watch') return undefined
  // An eviction gets a 429 for a disruption budget: that is a result, not throttling.
  const budget = error.details?.causes?.some((cause) => cause.reason === 'DisruptionBudget') === true
  const retryAfterMs = error.status === 429 || error.status === 503 ? error.retryAfterMs : undefined
  const ownMs = backoffMs({ baseMs: 200, maxMs: 2_000 }, attempt)
  // The server may ask for a longer wait than our own, never for a shorter one.
  if (retryAfterMs !== undefined && !budget)
    return retryAfterMs > LONGEST_WAIT_MS ? undefined : Math.max(retryAfterMs, ownMs)
  const retryRead =
    READS.includes(verb) && (error.status >= 500 || error.status === 429 || error.reason === 'Unreachable')
  return retryRead || !sent ? ownMs : undefined
}

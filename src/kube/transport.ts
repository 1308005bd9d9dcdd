import { setMaxListeners } from 'node:events'
import type { Agent, IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { http } from '../runtime/http-server.ts'

export interface HttpRequest {
  readonly method: string
  /** Path and query, as the API server knows them. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly timeoutMs: number
}

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** There was no complete response. `sent` is false only when the request was certainly never sent. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly kind: 'Timeout' | 'Unreachable' | 'TooLarge' | 'Aborted'
  readonly sent: boolean
  constructor(message: string, kind: TransportError['kind'], sent: boolean, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.sent = sent
  }
}

export interface Transport {
  /** One exchange over a pooled connection. Rejects with `TransportError`. */
  exchange(request: HttpRequest): Promise<HttpResponse>
  /** Resolves with the headers of a streamed response on its own socket; `timeoutMs` covers only the headers. */
  open(request: HttpRequest): Promise<IncomingMessage>
  /** Reads the body of a response from `open`, up to the size limit. */
  read(response: IncomingMessage): Promise<string>
}

const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

const unreachable = (cause: unknown): TransportError => {
  if (cause instanceof TransportError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return new TransportError(
    cause instanceof Error && cause.message !== '' ? cause.message : code || 'the connection was lost',
    code === 'ABORT_ERR' ? 'Aborted' : 'Unreachable',
    !NEVER_SENT.has(code),
    { cause },
  )
}

interface TransportOptions {
  readonly signal: AbortSignal
  readonly maxBytes: number
  readonly maxSockets: number
}

/** kube-apiserver closes connections that are idle for 90 s. Close ours earlier, so that no request uses a closing one. */
const IDLE_SOCKET_MS = 60_000
/** Kernel probes on a watch's socket: the cheapest way to detect a dead peer. */
const TCP_KEEPALIVE_MS = 30_000

/** For the body of an error response to a stream request. */
const READ_MS = 10_000

/** HTTP/1.1 to one server: pooled connections for exchanges, a new connection for each stream. */
export const createTransport = (connection: Connection, options: TransportOptions): Transport => {
  const { signal, maxBytes } = options
  setMaxListeners(0, signal)
  const { server } = connection
  const secure = server.protocol === 'https:'
  const base = server.pathname.replace(/\/$/, '')

  const createAgent = (tls: TlsOptions) => {
    const settings = {
      keepAlive: true,
      maxSockets: options.maxSockets,
      maxFreeSockets: options.maxSockets,
      scheduling: 'lifo' as const,
      timeout: IDLE_SOCKET_MS,
    }
    return secure ? new https.Agent({ ...settings, ...tls }) : new http.Agent(settings)
  }
  let pool: { readonly tls: TlsOptions; readonly agent: Agent } | undefined
  const dropIdle = (): void => {
    for (const sockets of Object.values(pool?.agent.freeSockets ?? {}))
      for (const socket of sockets ?? []) socket.destroy()
  }
  const agentFor = (tls: TlsOptions): Agent => {
    if (pool?.tls === tls) return pool.agent
    // The certificates changed: close idle connections now, and busy ones when they become idle.
    dropIdle()
    if (pool) pool.agent.on('free', (socket) => socket.destroy())
    pool = { tls, agent: createAgent(tls) }
    return pool.agent
  }

  const send = (request: HttpRequest, own: boolean): Promise<{ response: IncomingMessage; finish: () => void }> =>
    new Promise((resolve, reject) => {
      const { tls } = connection
      const { body } = request
      const outgoing = (secure ? https : http).request({
        hostname: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port || (secure ? 443 : 80),
        path: base + request.path,
        method: request.method,
        headers:
          body === undefined ? request.headers : { ...request.headers, 'content-length': Buffer.byteLength(body) },
        signal,
        ...(own ? { agent: false as const, ...(secure && tls) } : { agent: agentFor(tls) }),
      })
      let answer: IncomingMessage | undefined
      const late = () => {
        // What broke this connection may have broken the idle ones as well.
        dropIdle()
        ;(answer ?? outgoing).destroy(
          new TransportError(`no answer within ${request.timeoutMs / 1_000} s`, 'Timeout', true),
        )
      }
      const timer = setTimeout(late, request.timeoutMs)
      const finish = () => clearTimeout(timer)
      outgoing.on('error', (error) => {
        finish()
        reject(unreachable(error))
      })
      outgoing.on('response', (response) => {
        answer = response
        resolve({ response, finish })
      })
      if (own) outgoing.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS))
      outgoing.end(body)
    })

  const read = (response: IncomingMessage): Promise<string> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > maxBytes) {
          response.destroy(new TransportError(`the answer is larger than ${maxBytes} bytes`, 'TooLarge', true))
        }
      })
      response.on('end', () => resolve(Buffer.concat(chunks, size).toString('utf8')))
      response.on('error', (error) => reject(unreachable(error)))
      response.on('close', () => reject(new TransportError('the connection was lost', 'Unreachable', true)))
    })

  return {
    exchange: async (request) => {
      const { response, finish } = await send(request, false)
      try {
        return { status: response.statusCode ?? 0, headers: response.headers, body: await read(response) }
      } finally {
        finish()
      }
    },
    open: async (request) => {
      const { response, finish } = await send(request, true)
      finish()
      return response
    },
    read: async (response) => {
      const late = () => response.destroy(new TransportError('the answer does not end', 'Timeout', true))
      const timer = setTimeout(late, READ_MS)
      return read(response).finally(() => clearTimeout(timer))
    },
  }
}

const NEWLINE = 10

const isPrematureClose = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'

/**
 * Yields the lines of a response body as they arrive, including an unterminated last line. Throws when the connection
 * breaks or a line is longer than `maxBytes`; returns when the reader closed the stream itself.
 */
export async function* splitLines(body: Readable, maxBytes: number): AsyncGenerator<string, void, undefined> {
  let rest: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      let from = 0
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
        const piece = chunk.subarray(from, end)
        const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece])
        rest = []
        size = 0
        from = end + 1
        if (line.length > 0) yield line.toString('utf8')
      }
      if (from < chunk.length) {
        rest.push(chunk.subarray(from))
        size += chunk.length - from
        if (size > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`)
      }
    }
  } catch (error) {
    // Destroyed without an error: the reader closed it.
    if (!(body.destroyed && body.errored === null && isPrematureClose(error))) throw error
    return
  } finally {
    body.destroy()
  }
  if (size > 0) yield Buffer.concat(rest).toString('utf8')
}

/** As node:tls takes them. */
export interface TlsOptions {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

/** How to reach one API server, and with which credentials. */
export interface Connection {
  readonly server: URL
  /** A new object after certificates change; the pool is then replaced. */
  readonly tls: TlsOptions
  /** Additional headers of every request, for impersonation. */
  readonly headers?: Readonly<Record<string, string>>
  /** The current value of the Authorization header. */
  authorization(): Promise<string | undefined>
  /** Reloads the credentials; called when they were rejected. */
  refresh(): Promise<void>
  /** The namespace of the service account or of the context. */
  readonly namespace?: string
  readonly contextName?: string
}

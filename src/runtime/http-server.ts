import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  /** Default 200. */
  readonly status?: number
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string
  readonly body: string
}

/** By path, such as `/metrics`; called for GET and HEAD. If one throws, the response is 500 with its message. */
export type Handlers = Readonly<Record<string, () => Answer | Promise<Answer>>>

export interface HttpServer {
  /** The bound port; useful when port 0 was requested. */
  readonly port: number
  close(): Promise<void>
}

interface HttpServerOptions {
  readonly host: string
  readonly port: number
  readonly handlers: Handlers
  readonly onError?: (error: unknown, about: { readonly path: string }) => void
}

const answer = (
  response: ServerResponse,
  { status = 200, contentType = 'text/plain; charset=utf-8', body }: Answer,
): void => {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}

/**
 * A server for probes and scrapes: reads no bodies, allows few connections, has short timeouts. Rejects when the port
 * is in use.
 */
export const startHttpServer = ({ host, port, handlers, onError }: HttpServerOptions): Promise<HttpServer> =>
  new Promise((resolve, reject) => {
    const server = http.createServer(
      {
        headersTimeout: 5_000,
        requestTimeout: 10_000,
        keepAliveTimeout: 30_000,
        maxHeaderSize: 8_192,
        connectionsCheckingInterval: 5_000,
      },
      (request, response) => {
        const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
        const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined
        request.resume()
        if (handler === undefined)
          return answer(response, { status: 404, body: `known here: ${Object.keys(handlers).join(' ')}\n` })
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          return answer(response, { status: 405, body: 'only GET\n' })
        }
        Promise.resolve()
          .then(handler)
          .then((result) => answer(response, result))
          .catch((error: unknown) => {
            onError?.(error, { path })
            answer(response, { status: 500, body: `${error instanceof Error ? error.message : String(error)}\n` })
          })
      },
    )
    server.maxConnections = 64
    server.once('error', (cause) => reject(new Error(`listening on ${host}:${port}`, { cause })))
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            server.closeAllConnections()
          }),
      })
    })
  })

/**
 * `node:http`. An `import` evaluates everything that it exports, including WebSocket, which loads all of undici: 6 MB for
 * each process (half of it anonymous memory) that nothing here uses.
 */
export const http = process.getBuiltinModule('node:http')

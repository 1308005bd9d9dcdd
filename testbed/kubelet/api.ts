import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'

/** The API server's refusal of one request. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Whom a request impersonates. */
export interface Identity {
  readonly user: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, string>>
}

const impersonating = ({ user, groups, extra }: Identity): Record<string, string | readonly string[]> => ({
  'Impersonate-User': user,
  'Impersonate-Group': groups,
  ...Object.fromEntries(
    Object.entries(extra).map(([key, value]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, value]),
  ),
})

export interface Api {
  /** Sends one request; `undefined` for an answer without a body. Throws `ApiError` on any status of 300 or more. */
  call<T>(method: string, path: string, body?: unknown, contentType?: string, as?: Identity): Promise<T>
  /** Gives each watched line until the server ends the watch; rejects when it could not begin. */
  watch(path: string, onLine: (line: unknown) => void, signal: AbortSignal): Promise<void>
  close(): void
}

interface Kubeconfig {
  'current-context': string
  contexts: { name: string; context: { cluster: string; user: string } }[]
  clusters: { name: string; cluster: Record<string, string> }[]
  users: { name: string; user: Record<string, string> }[]
}

const CONNECTIONS = 32

interface Tls {
  ca?: Buffer
  cert?: Buffer
  key?: Buffer
}

const readIdentity = (path: string): { server: string; tls: Tls; token?: string } => {
  const config = parse(readFileSync(path, 'utf8')) as Kubeconfig
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster
  const user = config.users.find(({ name }) => name === context?.user)?.user ?? {}
  if (!cluster?.['server']) throw new Error(`reading ${path}: it has no current cluster`)
  const bytes = (from: Record<string, string>, name: string): Buffer | undefined => {
    const data = from[`${name}-data`]
    if (data !== undefined) return Buffer.from(data, 'base64')
    const file = from[name]
    return file === undefined ? undefined : readFileSync(resolve(dirname(path), file))
  }
  const ca = bytes(cluster, 'certificate-authority')
  const cert = bytes(user, 'client-certificate')
  const key = bytes(user, 'client-key')
  return {
    server: cluster['server'],
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    ...(user['token'] !== undefined && { token: user['token'] }),
  }
}

const read = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A small client of the API server, with the identity of a kubeconfig (certificate or token). */
export const openApi = (kubeconfig: string): Api => {
  const { server, tls, token } = readIdentity(kubeconfig)
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, ...tls })
  const request = server.startsWith('https:') ? httpsRequest : httpRequest
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }

  return {
    call: async <T>(method: string, path: string, body?: unknown, contentType = 'application/json', as?: Identity) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const headers = {
        ...authorization,
        ...(as && impersonating(as)),
        Accept: 'application/json',
        'User-Agent': 'kubelet/v1.36.3 (fake)',
        ...(text !== undefined && { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) }),
      }
      const response = await new Promise<IncomingMessage>((done, fail) => {
        const sent = request(new URL(path, server), { method, agent, headers }, done)
        // Closing cuts requests in progress, and each may report it more than once.
        sent.on('error', fail)
        sent.end(text)
      })
      const answer = await read(response)
      const status = response.statusCode ?? 0
      if (status >= 300) throw new ApiError(status, `${method} ${path}: ${status} ${answer.slice(0, 500)}`)
      return (answer === '' ? undefined : JSON.parse(answer)) as T
    },

    watch: (path, onLine, signal) =>
      new Promise<void>((done, fail) => {
        // Without an agent: a watch is a connection of its own.
        const options = { ...tls, agent: false as const, headers: authorization, signal }
        const sent = request(new URL(path, server), options, (response) => {
          if (response.statusCode !== 200) {
            response.resume()
            fail(new ApiError(response.statusCode ?? 0, `watching ${path}: ${response.statusCode}`))
            return
          }
          const lines = createInterface(response)
          lines.on('line', (line) => onLine(JSON.parse(line)))
          lines.once('close', done)
          lines.once('error', () => done()) // cut off: the caller watches again
        })
        sent.once('error', fail)
        sent.end()
      }),

    close: () => agent.destroy(),
  }
}

/** A TLS proxy before the real API server: it decodes each request and lets a plan play a fault instead of forwarding it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readUpstream } from '../testbed/api-proxy.ts'
import { kubeconfigText } from '../testbed/control-plane/kubeconfig.ts'
import { type ApiRequest, createNumbering, isLease, parseRequest } from './requests.ts'
import { initialEvents, isInitial, LISTED, STALE_MS, staleUrls } from './stale-lists.ts'
import { followLines, type LineFault } from './watch-lines.ts'

export interface Answer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
}

/** One request, before it is forwarded. */
export interface Exchange {
  readonly request: ApiRequest
  /** As `createNumbering` gives it. */
  readonly key: string
  /** Sends it to the API server and reads the whole answer, which the client does not get yet. */
  forward(): Promise<Answer>
  reply(answer: Answer): void
  /** Answers with these headers, the first bytes of the body, and cuts the connection. */
  replyInPart(answer: Answer, bytes: number): void
  /** Cuts the client's connection. */
  cut(): void
}

/** What to do with a request; undefined: forward it. Called once for each request but watches and those for the lease. */
export type RequestPlan = (exchange: Exchange) => Promise<void> | undefined
/** What to do with the lines of a watch; undefined: nothing. Called once for each watch that is opened. */
export type WatchPlan = (request: ApiRequest) => LineFault | undefined

export interface SeenRequest {
  readonly key: string
  readonly request: ApiRequest
  /** performance.now() */
  readonly at: number
}

/** Whose objects the client sees: its lists and watches over the whole cluster are narrowed to one run. */
export interface Scope {
  /** Of workloads, their pods and Events. */
  readonly namespace: string
  /** Of Remediations: that of workloads, or the operator's for nodes. */
  readonly records: string
  /** Label that policies of the run have. */
  readonly policies: string
  /** Label that nodes of the run have. */
  readonly nodes: string
}

export interface Proxy {
  /** Path of a kubeconfig that leads here; the identity is that of the one that was given. */
  readonly kubeconfig: string
  /** On 127.0.0.1. */
  readonly port: number
  /** Since `begin`: all but watches and the lease. */
  readonly seen: readonly SeenRequest[]
  /** Connections that the client has open. */
  connections(): number
  /** `prefix`: of the keys. */
  begin(run: {
    scope: Scope
    prefix?: string
    onRequest?: RequestPlan | undefined
    onWatch?: WatchPlan | undefined
  }): void
  /** The first lists of each collection from now on are of this version; their watches go on from it `STALE_MS` later. */
  serveStale(version: string): void
  /** Cuts all connections, as when the client was killed. */
  cutAll(): void
  /** Connections that are open now pass nothing any more and stay open. */
  halfOpen(): void
  close(): Promise<void>
}

const narrowed = (url: string, { namespace, records, policies, nodes }: Scope): string => {
  const [path = '', query = ''] = url.split('?')
  const withLabel = (label: string): string => {
    const params = new URLSearchParams(query)
    params.set('labelSelector', label)
    return `${path}?${params.toString()}`
  }
  const of = (place: string): string => url.replace(/\/([a-z]+)(?=\?|$)/, `/namespaces/${place}/$1`)
  switch (path) {
    case '/api/v1/pods':
    case '/api/v1/events':
      return of(namespace)
    case '/apis/podmend.io/v1alpha1/remediations':
      return of(records)
    case '/apis/podmend.io/v1alpha1/remediationpolicies':
      return withLabel(policies)
    case '/api/v1/nodes':
      return withLabel(nodes)
    default:
      return url
  }
}

const readAll = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export interface ProxyOptions {
  /** One with its certificates inside, such as `plane.userKubeconfig` writes. */
  readonly kubeconfig: string
  /** Folder of the control plane: its server certificate is for the address, whatever the port. */
  readonly directory: string
  /** `Client`: that of the token which the client sends; default: the kubeconfig's. */
  readonly identity?: 'Client'
}

export const startProxy = async ({ kubeconfig, directory, identity }: ProxyOptions): Promise<Proxy> => {
  const file = (name: string): Buffer => readFileSync(join(directory, name))
  const upstream = readUpstream(kubeconfig, { maxSockets: 64, withIdentity: identity !== 'Client' })
  const sockets = new Set<Socket>()
  const frozen = new Set<Socket>()
  const watches = new Set<IncomingMessage>()
  let scope: Scope | undefined
  let onRequest: RequestPlan | undefined
  let onWatch: WatchPlan | undefined
  let numbered = createNumbering()
  let prefix = ''
  let seen: SeenRequest[] = []
  let staleVersion = ''
  /** Resources whose next first list is stale. */
  const staleFor = new Set<string>()

  const open = ({ method = 'GET', headers }: IncomingMessage, url: string, body: Buffer | undefined) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const target = new URL(scope ? narrowed(url, scope) : url, upstream.url)
      const outgoing = request(target, {
        method,
        agent: upstream.agent,
        headers: { ...headers, host: target.host, 'accept-encoding': 'identity' },
      })
      outgoing.once('response', resolve)
      outgoing.once('error', reject)
      outgoing.end(body)
    })

  /** As an API server does whose cache lags behind: what is listed was true once, and the news come late. */
  const watchStale = async (incoming: IncomingMessage, response: ServerResponse, asked: ApiRequest): Promise<void> => {
    const { list, watch: later } = staleUrls(asked.url, staleVersion)
    const text = await readAll(await open(incoming, list, undefined))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(initialEvents(text.toString()))
    await sleep(STALE_MS)
    if (response.destroyed) return
    const answer = await open(incoming, later, undefined)
    response.once('close', () => answer.destroy())
    answer.on('error', () => response.destroy())
    answer.pipe(response)
  }

  const watch = async (incoming: IncomingMessage, response: ServerResponse, asked: ApiRequest): Promise<void> => {
    const answer = await open(incoming, asked.url, undefined)
    watches.add(answer)
    answer.once('close', () => watches.delete(answer))
    response.once('close', () => answer.destroy())
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.flushHeaders()
    const fault = answer.statusCode === 200 ? onWatch?.(asked) : undefined
    if (fault) await followLines(answer, response, fault)
    else answer.pipe(response)
    answer.on('error', () => response.destroy())
  }

  const exchange = async (incoming: IncomingMessage, response: ServerResponse, asked: ApiRequest): Promise<void> => {
    const body = await readAll(incoming)
    const forward = async (): Promise<Answer> => {
      const answer = await open(incoming, asked.url, body)
      return { status: answer.statusCode ?? 502, headers: answer.headers, body: await readAll(answer) }
    }
    const reply = ({ status, headers, body: text }: Answer): void => {
      if (response.destroyed || frozen.has(incoming.socket)) return
      const { 'transfer-encoding': _, ...rest } = headers
      response.writeHead(status, { ...rest, 'content-length': text.length })
      response.end(text)
    }
    if (isLease(asked)) return reply(await forward())
    const key = `${prefix}${numbered(asked)}`
    seen.push({ key, request: asked, at: performance.now() })
    const cut = (): void => void response.socket?.destroy()
    const replyInPart = ({ status, headers, body: text }: Answer, bytes: number): void => {
      const { 'transfer-encoding': _, ...rest } = headers
      response.writeHead(status, { ...rest, 'content-length': text.length })
      response.write(text.subarray(0, bytes), cut)
    }
    await (onRequest?.({ request: asked, key, forward, reply, replyInPart, cut }) ?? forward().then(reply))
  }

  const server = createServer({ cert: file('server.crt'), key: file('server.key') }, (incoming, response) => {
    if (frozen.has(incoming.socket)) return
    const asked = parseRequest(incoming.method ?? '', incoming.url ?? '/')
    const isStale = asked.verb === 'watch' && isInitial(asked.url) && staleFor.delete(asked.resource)
    const handled = isStale
      ? watchStale(incoming, response, asked)
      : asked.verb === 'watch'
        ? watch(incoming, response, asked)
        : exchange(incoming, response, asked)
    handled.catch(() => response.socket?.destroy())
  })
  server.keepAliveTimeout = 0
  server.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      frozen.delete(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const path = `${kubeconfig}.faults-${port}`
  const ca = file('ca.crt').toString()
  const text = kubeconfigText({ name: 'faults', url: `https://127.0.0.1:${port}`, ca }, 'controller', { token: '' })
  writeFileSync(path, text, { mode: 0o600 })

  return {
    kubeconfig: path,
    port,
    get seen() {
      return seen
    },
    connections: () => sockets.size,
    begin: (run) => {
      ;({ scope, onRequest, onWatch, prefix } = { onRequest: undefined, onWatch: undefined, prefix: '', ...run })
      numbered = createNumbering()
      seen = []
    },
    serveStale: (version) => {
      staleVersion = version
      for (const resource of LISTED) staleFor.add(resource)
    },
    cutAll: () => {
      for (const socket of sockets) socket.destroy()
    },
    halfOpen: () => {
      for (const answer of watches) answer.pause()
      for (const socket of sockets) frozen.add(socket)
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        for (const socket of sockets) socket.destroy()
        upstream.agent.destroy()
      }),
  }
}

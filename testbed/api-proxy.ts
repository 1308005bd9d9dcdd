/** Stands between the controller and the API server: counts its writes, tells when to kill it, and lets watches lag. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { parse } from 'yaml'
import { kubeconfigText } from './control-plane/kubeconfig.ts'

export interface CountedWrite {
  readonly method: string
  /** With its query. */
  readonly path: string
}

export interface CrashPoint {
  /** The how manieth write since `arm`, from 1. */
  readonly at: number
  /** Counts only writes whose method and path match: which write is the k-th differs between runs, because Events are written concurrently. */
  readonly matching?: RegExp | undefined
  /** Before the write is forwarded, or after the server answered and before the answer is handed on. */
  readonly when: 'before' | 'after'
  /** Must kill the process at once; its connections are cut in the same turn, so that nothing it sent comes through. */
  readonly crash: () => void
}

export interface Proxy {
  /** Path of a kubeconfig: plain HTTP to here, and from here with the identity of the one that was given. */
  readonly kubeconfig: string
  /** Since the last `arm`; requests for leases are not counted. */
  readonly writes: readonly CountedWrite[]
  /** Counts from nought again, up to this point. */
  arm(point?: CrashPoint): void
  /**
   * Answers to reads of `what` (path and query) stand still from the first write that matches `from` (method and path), or
   * at once without it; so do those that begin later. The function that comes back lets them go on, and tells how many
   * there were.
   */
  /** Answers the next `times` writes that match (method and path) itself; the server does not see them. */
  refuse(refusal: Refusal): void
  freeze(what: RegExp, from?: RegExp): () => number
  /** Breaks off reads of `what` (path and query) and answers 503 to those that begin later, until the function is called. */
  refuseReads(what: RegExp): () => void
  close(): Promise<void>
}

export interface Refusal {
  readonly matching: RegExp
  readonly times: number
  readonly status: number
  readonly reason: string
}

const WRITING = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

const isCounted = ({ method = '', url = '' }: IncomingMessage): boolean =>
  WRITING.has(method) && !url.startsWith('/apis/coordination.k8s.io/')

const isDue = ({ at, matching }: CrashPoint, writes: readonly CountedWrite[]): boolean => {
  const counted = matching ? writes.filter(({ method, path }) => matching.test(`${method} ${path}`)) : writes
  const last = writes.at(-1)
  return counted.length === at && counted.at(-1) === last
}

/** The server of such a kubeconfig, and connections to it, with its client certificate unless that is left out. */
export const readUpstream = (
  kubeconfig: string,
  { maxSockets = Number.POSITIVE_INFINITY, withIdentity = true } = {},
): { url: string; agent: Agent } => {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as {
    clusters: [{ cluster: Record<string, string> }]
    users: [{ user: Record<string, string> }]
  }
  const bytes = (from: Record<string, string>, field: string): Buffer => Buffer.from(from[field] ?? '', 'base64')
  const [{ cluster }, { user }] = [clusters[0], users[0]]
  return {
    url: cluster['server'] ?? '',
    agent: new Agent({
      keepAlive: true,
      maxSockets,
      ca: bytes(cluster, 'certificate-authority-data'),
      ...(withIdentity && { cert: bytes(user, 'client-certificate-data'), key: bytes(user, 'client-key-data') }),
    }),
  }
}

/** `kubeconfig`: one with its certificates inside, such as `plane.userKubeconfig` writes. */
export const startProxy = async (kubeconfig: string): Promise<Proxy> => {
  const upstream = readUpstream(kubeconfig)
  let writes: CountedWrite[] = []
  let point: CrashPoint | undefined
  let refusal: Refusal | undefined
  let ice: { readonly what: RegExp; readonly from: RegExp | undefined; frozen: boolean } | undefined
  let refused: RegExp | undefined
  const reads = new Map<IncomingMessage, { readonly url: string; readonly response: ServerResponse }>()
  const frozen = new Set<IncomingMessage>()

  const hold = (): void => {
    for (const [answer, { url, response }] of reads) {
      if (!ice?.frozen || frozen.has(answer) || !ice.what.test(url)) continue
      answer.unpipe(response)
      answer.pause()
      frozen.add(answer)
    }
  }

  const thaw = (): number => {
    ice = undefined
    const count = frozen.size
    for (const answer of frozen) {
      const read = reads.get(answer)
      if (read) answer.pipe(read.response)
    }
    frozen.clear()
    return count
  }

  const crash = ({ crash: kill }: CrashPoint): void => {
    point = undefined
    kill()
    server.closeAllConnections()
  }

  const forward = (incoming: IncomingMessage, response: ServerResponse, crashing: CrashPoint | undefined): void => {
    const { method, url = '/', headers } = incoming
    const outgoing = request(new URL(url, upstream.url), {
      method,
      agent: upstream.agent,
      headers: { ...headers, host: new URL(upstream.url).host },
    })
    outgoing.once('response', (answer) => {
      if (crashing) {
        answer.resume().once('end', () => crash(crashing))
        return
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      answer.pipe(response)
      if (WRITING.has(method ?? '')) return
      reads.set(answer, { url, response })
      answer.once('close', () => reads.delete(answer))
      hold()
    })
    outgoing.on('error', () => response.destroy())
    // Ends a watch that has no reader any more; a write that was sent continues.
    response.once('close', () => !WRITING.has(method ?? '') && outgoing.destroy())
    incoming.pipe(outgoing)
  }

  const answer = ({ status: code, reason }: Refusal, incoming: IncomingMessage, response: ServerResponse): void => {
    const body = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message: `the proxy answers ${code}`,
      reason,
      code,
    }
    incoming.resume().once('end', () => {
      response.writeHead(code, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
  }

  const server = createServer((incoming, response) => {
    if (!WRITING.has(incoming.method ?? '') && refused?.test(incoming.url ?? '')) {
      response.writeHead(503).end()
      return
    }
    if (!isCounted(incoming)) return forward(incoming, response, undefined)
    if (refusal && refusal.times > 0 && refusal.matching.test(`${incoming.method} ${incoming.url}`)) {
      refusal = { ...refusal, times: refusal.times - 1 }
      return answer(refusal, incoming, response)
    }
    writes.push({ method: incoming.method ?? '', path: incoming.url ?? '' })
    if (ice?.from?.test(`${incoming.method} ${incoming.url}`)) {
      ice.frozen = true
      hold()
    }
    const due = point && isDue(point, writes) ? point : undefined
    if (due?.when === 'before') crash(due)
    else forward(incoming, response, due)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const path = `${kubeconfig}.proxy-${port}`
  const text = kubeconfigText({ name: 'proxy', url: `http://127.0.0.1:${port}`, ca: '' }, 'controller', { token: '' })
  writeFileSync(path, text, { mode: 0o600 })

  return {
    kubeconfig: path,
    get writes() {
      return writes
    },
    arm: (next) => {
      writes = []
      point = next
    },
    freeze: (what, from) => {
      ice = { what, from, frozen: from === undefined }
      hold()
      return thaw
    },
    refuse: (next) => {
      refusal = next
    },
    refuseReads: (what) => {
      refused = what
      for (const { url, response } of reads.values()) if (what.test(url)) response.destroy()
      return () => {
        refused = undefined
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        upstream.agent.destroy()
      }),
  }
}

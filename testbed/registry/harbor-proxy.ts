import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { controlPlaneBinaries } from '../control-plane/build.ts'
import { closeServer, CONTENT, fetchContent, repositoryExists, sendContent } from './content.ts'
import {
  BROKEN,
  type Flavour,
  missingContent,
  pingRefusal,
  type Project,
  RATE_LIMITED,
  type Refusal,
  refusal,
  tokenPath,
} from './proxy-flavours.ts'
import { makeTokens, type Presented } from './proxy-tokens.ts'

export type { Flavour, Project } from './proxy-flavours.ts'

/** `down` refuses connections, `silent` takes them and never answers. */
export type Mode = 'ok' | 'rate-limited' | 'error500' | 'silent' | 'down'

export interface ProxyRequest {
  readonly at: Date
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly authorization: Presented['kind']
  /** The name given with Basic, or the one that the token was issued to. */
  readonly user?: string
  readonly status: number
}

export interface HarborProxy {
  readonly url: string
  /** `ADDRESS:PORT` */
  readonly host: string
  /** PEM text of the authority behind its certificate; with `tls` only. */
  readonly ca?: string
  /** All that was asked and answered, oldest first. */
  readonly requests: readonly ProxyRequest[]
  setMode(mode: Mode): Promise<void>
  /** The project's images are from now on found under the other name, and under that alone. */
  moveProject(from: string, to: string): void
  down(): Promise<void>
}

export interface HarborProxyOptions {
  /** Where the content is: the URL of a registry without users. */
  readonly registry: string
  readonly projects: readonly Project[]
  /** Passwords by user name. */
  readonly users?: Readonly<Record<string, string>>
  /** Default `harbor1`. */
  readonly flavour?: Flavour
  readonly tls?: boolean
  /** Where it listens; default `127.0.0.1`. */
  readonly address?: string
}

const certificates = async (address: string): Promise<{ ca: string; cert: string; key: string }> => {
  const directory = mkdtempSync(join(tmpdir(), 'harbor-proxy-'))
  try {
    const certify = join(await controlPlaneBinaries(), 'certify')
    await promisify(execFile)(certify, [directory, 'localhost', address])
    const file = (name: string): string => readFileSync(join(directory, name), 'utf8')
    return { ca: file('ca.crt'), cert: file('server.crt'), key: file('server.key') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const listen = (server: Server, port: number, address: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => resolve((server.address() as AddressInfo).port))
  })

const refuse = (response: ServerResponse, { status, code, message, detail, challenge }: Refusal): void => {
  const body = JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] })
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Docker-Distribution-Api-Version': 'registry/2.0',
    ...(challenge !== undefined && { 'Www-Authenticate': challenge }),
    ...(status === 429 && { 'Retry-After': '1' }),
    'Content-Length': String(Buffer.byteLength(body)),
  })
  response.end(body)
}

/**
 * A server that answers as Harbor (or another registry) does, with the real content of a registry behind it.
 * In this process.
 */
export const startHarborProxy = async (options: HarborProxyOptions): Promise<HarborProxy> => {
  const { registry, users = {}, flavour = 'harbor1', tls = false, address = '127.0.0.1' } = options
  // By the name that clients know: the project and where its content lies in the registry.
  const projects = new Map(options.projects.map((project) => [project.name, { project, behind: project.name }]))
  const tokens = makeTokens(users)
  const requests: ProxyRequest[] = []
  let mode: Mode = 'ok'
  let url = ''

  const answerToken = (response: ServerResponse, query: URLSearchParams, presented: Presented): void => {
    const isWrong = presented.kind === 'basic' && !presented.identity
    // Without a scope and without a name this is a login, and Harbor has no anonymous login.
    if (isWrong || (flavour !== 'hub' && !presented.identity && !query.has('scope'))) {
      refuse(response, { status: 401, code: 'UNAUTHORIZED', message: 'unauthorized' })
      return
    }
    const token = tokens.issue(presented.identity ?? {})
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ token, access_token: token, expires_in: 1800, issued_at: new Date().toISOString() }))
  }

  const behind = (repository: string): string => {
    const [name = '', ...rest] = repository.split('/')
    return [projects.get(name)?.behind ?? name, ...rest].join('/')
  }

  const answerContent = async (request: IncomingMessage, response: ServerResponse, presented: Presented) => {
    const { pathname, search } = new URL(request.url ?? '/', url)
    const { repository = '', what = '', reference = '' } = CONTENT.exec(pathname)?.groups ?? {}
    const project = projects.get(repository.split('/')[0] ?? '')?.project
    const exists = project !== undefined && (await repositoryExists(registry, behind(repository)))
    const method = request.method ?? 'GET'
    const refused = refusal({ flavour, method, url, repository, project, repositoryExists: exists, presented })
    if (refused) {
      refuse(response, refused)
      return
    }
    const content = await fetchContent(`${registry}/v2/${behind(repository)}/${what}/${reference}${search}`, request)
    const missing =
      content.status === 404 && missingContent(flavour, { repository, reference, repositoryExists: exists })
    if (missing) {
      refuse(response, missing)
      return
    }
    await sendContent(response, content)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse, presented: Presented): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    if (mode === 'error500') return refuse(response, BROKEN)
    if (pathname === tokenPath(flavour)) return answerToken(response, searchParams, presented)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refuse(response, { status: 405, code: 'UNSUPPORTED', message: 'The operation is unsupported.' })
    }
    if (pathname === '/v2/' || pathname === '/v2') {
      const refused = pingRefusal(flavour, url, presented)
      if (refused) return refuse(response, refused)
      response.writeHead(200, { 'Content-Type': 'application/json', 'Docker-Distribution-Api-Version': 'registry/2.0' })
      response.end('{}')
      return
    }
    if (!CONTENT.test(pathname)) {
      const message = pathname === '/v2/_catalog' ? 'unauthorized to list catalog' : 'not found'
      const status = pathname === '/v2/_catalog' ? 401 : 404
      return refuse(response, { status, code: status === 401 ? 'UNAUTHORIZED' : 'NOT_FOUND', message })
    }
    if (mode === 'rate-limited') return refuse(response, RATE_LIMITED)
    await answerContent(request, response, presented)
  }

  const listener: RequestListener = (request, response) => {
    if (mode === 'silent') return
    const presented = tokens.read(request.headers.authorization)
    const user = presented.identity?.user ?? presented.name
    response.once('finish', () => {
      requests.push({
        at: new Date(),
        method: request.method ?? '',
        path: request.url ?? '',
        authorization: presented.kind,
        ...(user !== undefined && { user }),
        status: response.statusCode,
      })
    })
    answer(request, response, presented).catch((cause: Error) => {
      refuse(response, { ...BROKEN, message: cause.message })
    })
  }

  const { ca, ...identity } = tls ? await certificates(address) : {}
  const newServer = (): Server => (tls ? createTlsServer(identity, listener) : createServer(listener))
  let server = newServer()
  const port = await listen(server, 0, address)
  const host = `${address}:${port}`
  url = `${tls ? 'https' : 'http'}://${host}`
  server.unref()

  return {
    url,
    host,
    ...(ca !== undefined && { ca }),
    requests,
    setMode: async (wanted) => {
      const wasDown = mode === 'down'
      mode = wanted
      if (wanted === 'down' && !wasDown) await closeServer(server)
      if (wanted !== 'down' && wasDown) {
        server = newServer()
        await listen(server, port, address)
        server.unref()
      }
    },
    moveProject: (from, to) => {
      const moved = projects.get(from)
      if (!moved) throw new Error(`there is no project ${from}`)
      projects.delete(from)
      projects.set(to, { ...moved, project: { ...moved.project, name: to } })
    },
    down: async () => {
      if (mode !== 'down') await closeServer(server)
    },
  }
}

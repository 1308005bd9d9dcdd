import { type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { readHostTarget } from '../registry/hosts-directory.ts'
import type { Login } from './credentials.ts'
import type { Reference } from './reference.ts'

export interface Answer {
  readonly url: string
  readonly method: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What a runtime learns when it resolves an image. The runtimes' messages for failures are in `pull-messages.ts`. */
export type Resolution =
  /** An index was searched for the platform; a lone manifest is taken, whatever it was made for. */
  | {
      readonly kind: 'found'
      readonly digest: string
      readonly isIndex: boolean
      readonly platforms: readonly string[]
    }
  /** The last answer to a request for the manifest. */
  | { readonly kind: 'refused'; readonly answer: Answer; readonly hasLogin: boolean }
  /** The token endpoint's answer. */
  | { readonly kind: 'no-token'; readonly answer: Answer; readonly hasLogin: boolean }
  | { readonly kind: 'unreachable'; readonly url: string; readonly method: string; readonly why: string }

const ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ')
const TIMEOUT_MS = 3000

class Unreachable extends Error {
  readonly url: string
  readonly method: string
  constructor(url: string, method: string, why: string) {
    super(why)
    this.url = url
    this.method = method
  }
}

/** Node's error codes in the words of Go's net package. */
const inGo = (cause: NodeJS.ErrnoException & { address?: string; port?: number }): string => {
  const { code = '', address, port, message } = cause
  const dial = `dial tcp ${address ?? '127.0.0.1'}:${port ?? 443}`
  if (code === 'ECONNREFUSED') return `${dial}: connect: connection refused`
  if (code === 'ECONNRESET') return 'EOF'
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
  }
  if (code === 'EPROTO') return 'http: server gave HTTP response to HTTPS client'
  return message
}

const exchange = (
  url: string,
  { method, headers, ca }: { method: string; headers: Record<string, string>; ca: string | undefined },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Unreachable(url, method, why))
    const request = url.startsWith('https:') ? httpsRequest : httpRequest
    const options = { method, headers, timeout: TIMEOUT_MS, ...(ca !== undefined && { ca }) }
    const sent = request(url, options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.once('end', () =>
        resolve({ url, method, status: response.statusCode ?? 0, headers: response.headers, body }),
      )
      response.once('error', (cause) => fail(inGo(cause)))
    })
    sent.once('timeout', () => {
      fail('net/http: timeout awaiting response headers')
      sent.destroy()
    })
    sent.once('error', (cause) => fail(inGo(cause)))
    sent.end()
  })

/** `scheme` and parameters of `WWW-Authenticate`. */
export const readChallenge = (headers: IncomingHttpHeaders): { scheme: string; parameters: Map<string, string> } => {
  const header = headers['www-authenticate'] ?? ''
  const parameters = new Map<string, string>()
  for (const match of header.matchAll(/(?<name>\w+)="(?<value>[^"]*)"/g)) {
    parameters.set(match.groups?.['name'] ?? '', match.groups?.['value'] ?? '')
  }
  return { scheme: (header.split(' ')[0] ?? '').toLowerCase(), parameters }
}

const basic = ({ user, password }: Login): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

const platformsOf = (body: string): { platforms?: string[]; config?: string } => {
  const { manifests, config } = JSON.parse(body) as {
    manifests?: { platform?: { os: string; architecture: string } }[]
    config?: { digest: string }
  }
  if (manifests) {
    return { platforms: manifests.flatMap(({ platform: p }) => (p ? [`${p.os}/${p.architecture}`] : [])) }
  }
  return config ? { config: config.digest } : {}
}

/**
 * Asks a registry for an image as a runtime does: HEAD (containerd) or GET (Docker), the challenge followed to a token,
 * asked again, then the platforms. Only hosts of the directory are asked; any other is a name that does not resolve.
 */
export const resolveImage = async (
  { host, repository, wanted }: Reference,
  { hostsDir, login, style }: { hostsDir: string; login: Login | undefined; style: 'containerd' | 'docker' },
): Promise<Resolution> => {
  const target = readHostTarget(hostsDir, host)
  const hasLogin = login !== undefined
  const root = (target?.url ?? `https://${host}`).replace(/\/(v2\/?)?$/, '')
  const content = (what: string, reference: string): string =>
    `${root}/v2/${repository}/${what}/${reference}${style === 'containerd' && target ? `?ns=${host}` : ''}`
  const first = { url: style === 'docker' ? `${root}/v2/` : content('manifests', wanted), method: 'HEAD' }
  if (style === 'docker') first.method = 'GET'
  if (!target) {
    return { kind: 'unreachable', ...first, why: `dial tcp: lookup ${host} on 127.0.0.53:53: no such host` }
  }

  let authorization: string | undefined
  const ask = (url: string, method: string): Promise<Answer> =>
    exchange(url, {
      method,
      ca: target.ca,
      headers: { Accept: ACCEPT, ...(authorization !== undefined && { Authorization: authorization }) },
    })

  try {
    let answer = await ask(first.url, first.method)
    if (answer.status === 401) {
      const { scheme, parameters } = readChallenge(answer.headers)
      const realm = parameters.get('realm')
      if (scheme === 'bearer' && realm !== undefined) {
        const url = new URL(realm)
        url.searchParams.set('service', parameters.get('service') ?? '')
        url.searchParams.set('scope', `repository:${repository}:pull`)
        const headers = login ? { Authorization: basic(login) } : {}
        const token = await exchange(url.href, { method: 'GET', ca: target.ca, headers })
        if (token.status !== 200) return { kind: 'no-token', answer: token, hasLogin }
        const { token: short, access_token: long } = JSON.parse(token.body) as { token?: string; access_token?: string }
        authorization = `Bearer ${long ?? short}`
      } else if (scheme === 'basic' && login) {
        authorization = basic(login)
      }
    }
    const method = style === 'docker' ? 'GET' : 'HEAD'
    if (style === 'docker' || authorization !== undefined) answer = await ask(content('manifests', wanted), method)
    if (answer.status !== 200) return { kind: 'refused', answer, hasLogin }

    const digest = String(answer.headers['docker-content-digest'] ?? '')
    const manifest = await ask(content('manifests', digest), 'GET')
    if (manifest.status !== 200) return { kind: 'refused', answer: manifest, hasLogin }
    const { platforms, config } = platformsOf(manifest.body)
    if (platforms) return { kind: 'found', digest, isIndex: true, platforms }
    if (config === undefined) return { kind: 'refused', answer: manifest, hasLogin }
    const { os, architecture } = JSON.parse((await ask(content('blobs', config), 'GET')).body) as Record<string, string>
    return { kind: 'found', digest, isIndex: false, platforms: [`${os}/${architecture}`] }
  } catch (cause) {
    if (cause instanceof Unreachable) {
      return { kind: 'unreachable', url: cause.url, method: cause.method, why: cause.message }
    }
    throw new Error(`asking ${root} for ${repository}`, { cause })
  }
}

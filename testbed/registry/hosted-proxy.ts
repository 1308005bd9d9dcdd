import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { closeServer, CONTENT, fetchContent, repositoryExists, sendContent } from './content.ts'
import type { HostedKind, RegistryMessages } from './hosted-kinds.ts'
import { makeTokens, type Presented } from './proxy-tokens.ts'

export interface HostedProxy {
  readonly url: string
  /** From now on every request is one too many. */
  limit(): void
  down(): Promise<void>
}

export interface HostedProxyOptions {
  readonly kind: HostedKind
  /** Where the content is: the URL of a registry without users. */
  readonly registry: string
  /** Passwords by user name: whoever has one may pull everything. */
  readonly users: Readonly<Record<string, string>>
  /** First segment of repositories that anonymous clients may pull. */
  readonly publicProject: string
}

/** A server that asks for credentials and words its refusals as that registry does, with the content of a real one behind it. */
export const startHostedProxy = async (options: HostedProxyOptions): Promise<HostedProxy> => {
  const { kind, registry, users, publicProject } = options
  const tokens = makeTokens(users)
  let url = ''
  let limited: RegistryMessages | undefined

  const refuse = (response: ServerResponse, { status, code, message }: RegistryMessages, challenge?: string): void => {
    const headers = { 'content-type': 'application/json', ...(challenge && { 'www-authenticate': challenge }) }
    response.writeHead(status, headers)
    response.end(response.req.method === 'HEAD' ? undefined : JSON.stringify({ errors: [{ code, message }] }))
  }

  const challengeOf = (repository: string): string =>
    'basic' in kind.asks
      ? `Basic realm="${kind.asks.basic}"`
      : `Bearer realm="${url}${kind.asks.bearer}",service="${kind.asks.service}",scope="repository:${repository}:pull"`

  const isPublic = (repository: string): boolean => kind.hasPublic && repository.startsWith(`${publicProject}/`)

  const sendToken = async (response: ServerResponse, scope: string, presented: Presented): Promise<void> => {
    if (presented.kind === 'basic' && !presented.identity) return refuse(response, kind.wrongPassword)
    const repository = scope.split(':')[1] ?? ''
    const hidden = !isPublic(repository) || !(await repositoryExists(registry, repository))
    const refused = hidden && presented.identity === undefined ? kind.refusedToken : undefined
    if (refused) return refuse(response, refused)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token: tokens.issue(presented.identity ?? {}) }))
  }

  const sendHostedContent = async (request: IncomingMessage, response: ServerResponse, presented: Presented) => {
    const { pathname, search } = new URL(request.url ?? '/', url)
    const { repository = '', what = '', reference = '' } = CONTENT.exec(pathname)?.groups ?? {}
    if (limited) return refuse(response, limited)
    const needsToken = 'bearer' in kind.asks && presented.kind !== 'bearer'
    const isWrong = presented.kind === 'basic' && !presented.identity
    if (isWrong) return refuse(response, kind.wrongPassword)
    const may = presented.identity?.user !== undefined || isPublic(repository)
    if (needsToken || !may) return refuse(response, kind.denied, challengeOf(repository))
    const content = await fetchContent(`${registry}/v2/${repository}/${what}/${reference}${search}`, request)
    if (content.status === 404) {
      return refuse(
        response,
        (await repositoryExists(registry, repository)) ? kind.noTag(reference) : kind.noRepository(repository),
      )
    }
    await sendContent(response, content)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    const presented = tokens.read(request.headers.authorization)
    if ('bearer' in kind.asks && pathname === kind.asks.bearer) {
      return sendToken(response, searchParams.get('scope') ?? '', presented)
    }
    return sendHostedContent(request, response, presented)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((cause: Error) =>
      refuse(response, { status: 500, code: 'UNKNOWN', message: cause.message }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    limit: () => (limited = kind.limited),
    down: () => closeServer(server),
  }
}

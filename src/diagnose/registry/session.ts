import { type Fact, known, unknown } from '../../model/incident.ts'
import { type AddressRule, anyAddress } from './addresses.ts'
import type { Authority, Credential } from './auth.ts'
import { Refused } from './errors.ts'
import type { Endpoint } from './hosts.ts'
import type { Answer, Http, Reach } from './http.ts'

const MAX_REDIRECTS = 5

export interface Ask {
  readonly method: 'GET' | 'HEAD'
  /** Below the API's root, e.g. `/library/nginx/manifests/1`. */
  readonly path: string
  readonly accept: string
  readonly maxBytes: number
}

/** Requests to one endpoint for one repository with one credential or none. */
export interface Session {
  /** Follows redirects and answers a challenge once. Rejects as `Http.send` does, and with `Refused`. */
  readonly ask: (ask: Ask) => Promise<Answer>
  /** Whether the credential has been sent, to the registry or its token service. */
  readonly credentialSent: () => boolean
}

export interface SessionDeps {
  readonly http: Http
  readonly authority: Authority
  /** For hosts that no configuration of ours names. */
  readonly addresses: AddressRule
  readonly userAgent: string
  /** For each request, ms. */
  readonly requestTimeoutMs: number
}

export interface SessionOf {
  readonly endpoint: Endpoint
  /** Undefined is the registry's catalog. */
  readonly repository: string | undefined
  readonly credential: Credential | undefined
  /** Ends all of it. */
  readonly signal: AbortSignal
}

export const openSession = (deps: SessionDeps, { endpoint, repository, credential, signal }: SessionOf): Session => {
  const { http, authority, addresses, userAgent, requestTimeoutMs } = deps
  const root = new URL(endpoint.root)
  const atEndpoint: Reach = {
    addresses: endpoint.named ? anyAddress : addresses,
    ...(endpoint.ca && { ca: endpoint.ca }),
    ...(endpoint.skipVerify && { skipVerify: true }),
  }
  const otherHosts: Reach = { addresses }
  const usable = endpoint.trusted ? credential : undefined
  let authorization: string | undefined
  let credentialSent = false

  const deadline = () => AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)])

  /** A token or password goes to the endpoint's own origin and nowhere else, however often it redirects. */
  const followed = async ({ method, path, accept, maxBytes }: Ask): Promise<Answer> => {
    let url = new URL(`${endpoint.root}${path}`)
    if (endpoint.mirrorOf !== undefined) url.searchParams.set('ns', endpoint.mirrorOf)
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const home = url.origin === root.origin
      const headers = {
        accept,
        'user-agent': userAgent,
        ...(home && authorization !== undefined && { authorization }),
      }
      const answer = await http.send({
        method,
        url,
        headers,
        maxBytes,
        reach: home ? atEndpoint : otherHosts,
        signal: deadline(),
      })
      if (![301, 302, 303, 307, 308].includes(answer.status) || answer.headers.location === undefined) return answer
      const next = URL.parse(answer.headers.location, url)
      if (next === null || (next.protocol !== 'https:' && next.origin !== root.origin)) {
        throw new Refused(`${url.host} redirects to ${next?.origin ?? 'no address'}, which is not https`)
      }
      next.username = ''
      next.password = ''
      url = next
    }
    throw new Refused(`${root.host} redirects more than ${MAX_REDIRECTS} times`)
  }

  return {
    ask: async (ask) => {
      const answer = await followed(ask)
      const challenged = answer.headers['www-authenticate']
      if (answer.status !== 401 || authorization !== undefined || challenged === undefined) return answer
      const grant = await authority.authorize({
        endpoint,
        reach: atEndpoint,
        otherHosts,
        challenge: challenged,
        repository,
        credential: usable,
        signal: deadline(),
      })
      if (grant.kind === 'none') return answer
      credentialSent = usable !== undefined
      // The registry's challenge is kept: the token service answers on behalf of the registry.
      if (grant.kind === 'refused') {
        return { ...grant.answer, headers: { ...grant.answer.headers, 'www-authenticate': challenged } }
      }
      authorization = grant.header
      return followed(ask)
    },
    credentialSent: () => credentialSent,
  }
}

// The names that a registry lists: tags of a repository, repositories of its catalog. Many list neither.

export type ListKind = 'tags' | 'repositories'

/** Of a registry with more, the first so many are compared. */
const MAX_NAMES = 1_000
const MAX_ANSWER = 1_048_576
const LONGEST_NAME = 256

const readNames = (body: Buffer, what: ListKind): readonly string[] | undefined => {
  try {
    const names = (JSON.parse(body.toString('utf8')) as Record<string, unknown> | null)?.[what]
    // GitLab and distribution say null of a repository whose tags were all deleted.
    if (names === null) return []
    if (!Array.isArray(names)) return undefined
    return names.filter((name) => typeof name === 'string' && name.length <= LONGEST_NAME).slice(0, MAX_NAMES)
  } catch {
    return undefined
  }
}

/** One request, and no further page. Rejects as the session does. */
export const listNames = async (
  session: Session,
  what: ListKind,
  repository: string,
): Promise<Fact<readonly string[]>> => {
  const path = what === 'tags' ? `/${repository}/tags/list?n=${MAX_NAMES}` : `/_catalog?n=${MAX_NAMES}`
  const { status, body, cut } = await session.ask({
    method: 'GET',
    path,
    accept: 'application/json',
    maxBytes: MAX_ANSWER,
  })
  if (status !== 200) return unknown(`the registry answers ${status}`)
  if (cut) return unknown(`the registry's list of ${what} is longer than ${MAX_ANSWER} bytes`)
  const names = readNames(body, what)
  return names ? known(names) : unknown(`the registry's answer is not a list of ${what}`)
}

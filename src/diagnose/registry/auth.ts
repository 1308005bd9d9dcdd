import { createHash, randomBytes } from 'node:crypto'
import { setBounded } from '../../runtime/bounded-map.ts'
import { Refused, tidy } from './errors.ts'
import type { Endpoint } from './hosts.ts'
import type { Answer, Http, Reach } from './http.ts'

export interface Authorize {
  readonly endpoint: Endpoint
  readonly reach: Reach
  /** How other hosts than the endpoint are reached. */
  readonly otherHosts: Reach
  readonly challenge: string | readonly string[]
  /** Undefined is the registry's catalog. */
  readonly repository: string | undefined
  /** Undefined asks anonymously. */
  readonly credential: Credential | undefined
  readonly signal: AbortSignal
}

export type Grant =
  | { readonly kind: 'granted'; readonly header: string }
  /** No scheme that is known, or no credential for it: the 401 is final. */
  | { readonly kind: 'none' }
  /** The token service refused; its answer is the registry's. */
  | { readonly kind: 'refused'; readonly answer: Answer }

/** Answers challenges of registries: Basic, and Bearer through a token service. */
export interface Authority {
  /** Rejects as `Http.send` does, with `Refused` for a token service that must not be asked, and where it gives no token. */
  readonly authorize: (request: Authorize) => Promise<Grant>
}

const MAX_ANSWER = 65_536
const MAX_TOKENS = 256
/** distribution spec, token authentication: 60 s where the service does not say. */
const DEFAULT_LIFE_S = 60
const LONGEST_LIFE_S = 300
/** A token must not expire during the request. */
const MARGIN_S = 10

/**
 * Where a Bearer challenge sends us, and how that is reached. The registry itself names its token service, as docker.io
 * names auth.docker.io, so another host is normal and gets the credential that was made for that registry. But only by
 * https, and only where the registry proved who it is. Over plain HTTP or an unverified connection someone else may have
 * named it: there it must be the registry's own origin, or its own host by verified https. A port of the same host is
 * another origin: whoever may listen there is not the registry.
 */
const realmOf = (
  text: string | undefined,
  { endpoint, reach, otherHosts }: Pick<Authorize, 'endpoint' | 'reach' | 'otherHosts'>,
): { readonly url: URL; readonly reach: Reach } | undefined => {
  const url = text === undefined ? null : URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  const root = new URL(endpoint.root)
  if (url.origin === root.origin) return { url, reach }
  const sameHost = url.hostname === root.hostname
  const proven = sameHost || (root.protocol === 'https:' && endpoint.skipVerify !== true)
  if (url.protocol !== 'https:' || !proven) return undefined
  return { url, reach: sameHost && reach.ca ? { ...otherHosts, ca: reach.ca } : otherHosts }
}

const readToken = (body: Buffer): { readonly token: string; readonly lifeS: number } | undefined => {
  try {
    const json = JSON.parse(body.toString('utf8')) as Record<string, unknown> | null
    const token = json?.['token'] ?? json?.['access_token']
    const life = Number(json?.['expires_in'] ?? DEFAULT_LIFE_S)
    if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) return undefined
    return { token, lifeS: Math.min(LONGEST_LIFE_S, Number.isFinite(life) ? life : DEFAULT_LIFE_S) }
  } catch {
    return undefined
  }
}

/** A scope of ours, unless the registry asks for one of its own for pulling. */
const scopeOf = (offered: string | undefined, repository: string | undefined): string => {
  if (repository === undefined) return 'registry:catalog:*'
  return offered !== undefined && offered.length <= 512 && /^repository:\S+:\S*pull\S*$/.test(offered)
    ? offered
    : `repository:${repository}:pull`
}

export const createAuthority = (http: Http, userAgent: string, now: () => number): Authority => {
  const tokens = new Map<string, { readonly header: string; readonly until: number }>()

  const bearer = async (params: Readonly<Record<string, string>>, request: Authorize): Promise<Grant> => {
    const { endpoint, repository, credential, signal } = request
    const realm = realmOf(params['realm'], request)
    if (realm === undefined) {
      throw new Refused(
        `the token service of ${new URL(endpoint.root).host} is not asked: ${tidy(params['realm'] ?? 'the challenge names none')}`,
      )
    }
    const scope = scopeOf(params['scope'], repository)
    const key = JSON.stringify([endpoint.root, realm.url.href, params['service'], scope, fingerprint(credential)])
    const have = tokens.get(key)
    if (have && have.until > now()) return { kind: 'granted', header: have.header }
    const url = new URL(realm.url)
    if (params['service']) url.searchParams.set('service', params['service'])
    url.searchParams.append('scope', scope)
    const headers = {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(credential && { authorization: basicHeader(credential) }),
    }
    // No redirects: a token service that sends a password on to somewhere else is not to be followed.
    const answer = await http.send({
      method: 'GET',
      url,
      headers,
      maxBytes: MAX_ANSWER,
      reach: realm.reach,
      signal,
    })
    if (answer.status !== 200) return { kind: 'refused', answer }
    const token = readToken(answer.body)
    if (token === undefined) throw new Error(`${url.host} answers without a token`)
    const header = `Bearer ${token.token}`
    setBounded(tokens, key, { header, until: now() + Math.max(0, token.lifeS - MARGIN_S) * 1_000 }, MAX_TOKENS)
    return { kind: 'granted', header }
  }

  return {
    authorize: async (request) => {
      const challenges = parseChallenges(request.challenge)
      const token = challenges.find(({ scheme }) => scheme === 'bearer')
      if (token) return bearer(token.params, request)
      const basic = challenges.some(({ scheme }) => scheme === 'basic')
      return basic && request.credential
        ? { kind: 'granted', header: basicHeader(request.credential) }
        : { kind: 'none' }
    },
  }
}

/** One authentication challenge of a WWW-Authenticate header. */
export interface Challenge {
  /** Lower case, e.g. `bearer`. */
  readonly scheme: string
  /** By lower-case name. */
  readonly params: Readonly<Record<string, string>>
}

const MAX_HEADER = 8_192
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const PARAM = /[!#$%&'*+.^_`|~0-9A-Za-z-]+(?=[ \t]*=)/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
const BARE = /[^\s,"]*/y

/**
 * Challenges of a WWW-Authenticate header, first to last (RFC 9110, 11.6.1): several in one header, quoted commas,
 * odd spaces and missing quotes included. What is no challenge is passed over. Never throws.
 */
export const parseChallenges = (header: string | readonly string[] | undefined): readonly Challenge[] => {
  const text = (typeof header === 'string' ? header : (header ?? []).join(', ')).slice(0, MAX_HEADER)
  const found: { scheme: string; params: Record<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  const skip = (pattern: RegExp) => void take(pattern)
  while (at < text.length) {
    skip(/[\s,]*/y)
    const name = found.length > 0 ? take(PARAM) : null
    if (name !== null) {
      skip(/[ \t]*=[ \t]*/y)
      const quoted = take(QUOTED)
      const value = quoted?.[1]?.replace(/\\(.)/g, '$1') ?? take(BARE)?.[0] ?? ''
      const current = found.at(-1)
      if (current) current.params[name[0].toLowerCase()] ??= value
      continue
    }
    const scheme = take(TOKEN)
    if (scheme === null) at += 1
    else found.push({ scheme: scheme[0].toLowerCase(), params: {} })
  }
  return found
}

/** A user's name and password for a registry, and where it came from. Never logged, never part of evidence. */
export interface Credential {
  readonly username: string
  readonly password: string
  /** e.g. `secret infra/harbor`, for sentences. */
  readonly source: string
}

const SALT = randomBytes(16)

/** Distinguishes credentials in cache keys without storing them there. */
export const fingerprint = (credential: Credential | undefined): string =>
  credential === undefined
    ? 'anonymous'
    : createHash('sha256')
        .update(SALT)
        .update(JSON.stringify([credential.username, credential.password]))
        .digest('base64')

export const basicHeader = ({ username, password }: Credential): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

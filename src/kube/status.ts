import { KubeError, type StatusObject, type Verb } from './errors.ts'
import { parsePath } from './paths.ts'

const RBAC_DENIAL = /cannot \S+ (resource|path) "/

/**
 * An authorizer's denial in words that say what to grant; admission (quota, policies) also answers 403, in its own
 * words.
 */
const forbiddenSentence = (verb: Verb, path: string, said: string): string => {
  const parsed = parsePath(path)
  if (!RBAC_DENIAL.test(said) || parsed === undefined) return `${verb} ${path} is forbidden: ${said}`
  const resource = parsed.subresource === undefined ? parsed.resource : `${parsed.resource}/${parsed.subresource}`
  const place = parsed.namespace === undefined ? 'in the whole cluster' : `in namespace ${parsed.namespace}`
  const user = /User "([^"]*)"/.exec(said)?.[1]
  return (
    `not allowed to ${verb} ${resource}${parsed.group && `.${parsed.group}`} ${place}: ` +
    `${user ?? 'this user'} needs the verb "${verb}" on resource "${resource}" of API group "${parsed.group}"`
  )
}

const parseStatus = (body: string): StatusObject | undefined => {
  try {
    const parsed = JSON.parse(body) as StatusObject | null
    return parsed?.kind === 'Status' ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Reasons for answers without a Status object: those of a proxy on the way, or the API server's earliest refusals. */
const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  410: 'Gone',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** Milliseconds of a Retry-After header: seconds, or an HTTP date. */
export const parseRetryAfter = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined || header === '') return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

/** The error in a Status object, from a response or from a watch's ERROR line. */
export const errorOfStatus = (
  status: StatusObject,
  at: {
    readonly verb: Verb
    readonly path: string
    readonly httpStatus?: number
    readonly retryAfterMs?: number | undefined
  },
): KubeError => {
  const code = at.httpStatus ?? status.code ?? 500
  const said = status.message ?? ''
  const seconds = status.details?.retryAfterSeconds
  const { verb, path } = at
  return new KubeError(
    code === 403 ? forbiddenSentence(verb, path, said) : `${verb} ${path}: ${said || `HTTP ${code}`}`,
    {
      status: code,
      reason: status.reason || (REASONS[code] ?? 'Unknown'),
      verb,
      path,
      retryAfterMs: at.retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1_000),
      details: status.details,
    },
  )
}

/** The error in a response that is not 2xx. Bodies that are no Status object are quoted, shortened. */
export const errorOfResponse = (
  response: { readonly status: number; readonly body: string; readonly retryAfter?: string | undefined },
  at: { readonly verb: Verb; readonly path: string },
): KubeError =>
  errorOfStatus(
    parseStatus(response.body) ?? { message: `HTTP ${response.status} ${response.body.trim().slice(0, 200)}`.trim() },
    {
      ...at,
      httpStatus: response.status,
      retryAfterMs: parseRetryAfter(response.retryAfter, Date.now()),
    },
  )

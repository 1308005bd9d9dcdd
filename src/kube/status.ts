import { KubeError, type StatusObject, type Verb } from './errors.ts'
import { parsePath } from './paths.ts'

const RBAC_DENIAL = /cannot \S+ (resource|path) "/

/** Rewrites an RBAC denial to name the missing permission. A 403 from admission (quota, policies) keeps its message. */
const forbiddenSentence = (verb: Verb, path: string, message: string): string => {
  const parsed = parsePath(path)
  if (!RBAC_DENIAL.test(message) || parsed === undefined) return `${verb} ${path} is forbidden: ${message}`
  const resource = parsed.subresource === undefined ? parsed.resource : `${parsed.resource}/${parsed.subresource}`
  const place = parsed.namespace === undefined ? 'in the whole cluster' : `in namespace ${parsed.namespace}`
  const user = /User "([^"]*)"/.exec(message)?.[1]
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

/** Reasons for responses without a Status object: those of a proxy, or early rejections by the API server. */
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

/** The error for a Status object, from a response or from a watch's ERROR event. */
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
  const message = status.message ?? ''
  const seconds = status.details?.retryAfterSeconds
  const { verb, path } = at
  return new KubeError(
    code === 403 ? forbiddenSentence(verb, path, message) : `${verb} ${path}: ${message || `HTTP ${code}`}`,
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

/** The error for a response that is not 2xx. Quotes the beginning of a body that is not a Status object. */
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

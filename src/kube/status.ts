import { boundedWaitMs, type RetryAfterHeaders, retryAfterMs } from '../runtime/requested-wait.ts'
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

/**
 * What an API server may ask for. At least half a second: `0` otherwise means a thousand requests a second. About a minute
 * at most: whoever answers 3600 (a proxy, a webhook, an aggregated API) must not make the operator deaf for an hour.
 */
const WAIT = { minMs: 500, maxMs: 60_000 }

/** For the error's message: the log shows why the wait differs from the requested one. */
const cappedSentence = (askedMs: number): string =>
  askedMs > WAIT.maxMs
    ? ` (asks for a wait of ${Math.round(askedMs / 1_000)} s; waiting about ${WAIT.maxMs / 1_000} s)`
    : ''

/** The error for a Status object, from a response or from a watch's ERROR event. */
export const errorOfStatus = (
  status: StatusObject,
  at: {
    readonly verb: Verb
    readonly path: string
    readonly httpStatus?: number
    /** As asked for by the answer's headers, not bounded yet. */
    readonly askedWaitMs?: number | undefined
  },
): KubeError => {
  const code = at.httpStatus ?? status.code ?? 500
  const message = status.message ?? ''
  const seconds = status.details?.retryAfterSeconds
  const askedMs = at.askedWaitMs ?? (Number.isFinite(seconds) ? Number(seconds) * 1_000 : undefined)
  const { verb, path } = at
  const sentence =
    code === 403 ? forbiddenSentence(verb, path, message) : `${verb} ${path}: ${message || `HTTP ${code}`}`
  return new KubeError(`${sentence}${cappedSentence(askedMs ?? 0)}`, {
    status: code,
    reason: status.reason || (REASONS[code] ?? 'Unknown'),
    verb,
    path,
    retryAfterMs: askedMs === undefined ? undefined : boundedWaitMs(askedMs, WAIT),
    details: status.details,
  })
}

/** The error for a response that is not 2xx. Quotes the beginning of a body that is not a Status object. */
export const errorOfResponse = (
  response: { readonly status: number; readonly body: string; readonly headers?: RetryAfterHeaders },
  at: { readonly verb: Verb; readonly path: string },
): KubeError =>
  errorOfStatus(
    parseStatus(response.body) ?? { message: `HTTP ${response.status} ${response.body.trim().slice(0, 200)}`.trim() },
    {
      ...at,
      httpStatus: response.status,
      askedWaitMs: retryAfterMs(response.headers ?? {}, Date.now()),
    },
  )

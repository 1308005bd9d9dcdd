import type { IncomingHttpHeaders } from 'node:http'
import type { ImageReference } from '../../api/image-reference.ts'
import type { RegistryAnswer } from '../incident.ts'
import { parseErrors, sentenceOf } from './words.ts'

type Refusal = Exclude<RegistryAnswer, { kind: 'exists' }>

/** An answer that is not a manifest. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly reference: ImageReference
  readonly withCredentials: boolean
  /** ms since the epoch, for a Retry-After that is a date. */
  readonly now: number
}

const LONGEST_RETRY_MS = 6 * 3_600_000

/** Seconds or a date (RFC 9110, 10.2.3), in ms from now; undefined where it is neither. */
export const retryAfterMs = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_RETRY_MS, Math.max(0, ms))
}

/** Harbor 1.x: `project not found, name: k8s`; Harbor 2.x: `project k8s not found`, `project "k8s" not found`. */
const PROJECT =
  /\bproject (?:not found(?:, name: "?(?<a>[^\s",:]+))?|"?(?<b>[^\s",:]+)"? (?:is |was )?not found|not found "?(?<c>[^\s",:]+))/i

/** Whether a message says that this very project is missing: a registry may speak of another one that it builds upon. */
const saysProjectMissing = (message: string, project: string): boolean => {
  const match = PROJECT.exec(message)
  if (match === null) return false
  const named = match.groups?.['a'] ?? match.groups?.['b'] ?? match.groups?.['c']
  return named === undefined || named === project
}

const of404 = (said: string, text: string, codes: readonly string[]): Refusal => {
  if (
    codes.includes('NAME_UNKNOWN') ||
    /(?:^|[:;] )repository (?:name |\S+ )(?:is )?not (?:found|known)\b/i.test(text)
  ) {
    return { kind: 'repositoryMissing', said }
  }
  return { kind: 'tagMissing', said }
}

/**
 * What an error answer of a registry means, by status, code and words: plain distribution, Harbor 1.x and 2.x, and those
 * that follow the OCI distribution spec. Words in no registry's form are not believed: `unreachable`. Pure.
 */
export const classifyAnswer = ({ status, headers, body, reference, withCredentials, now }: ErrorAnswer): Refusal => {
  const errors = parseErrors(body)
  const said = sentenceOf(status, errors)
  const codes = errors.map(({ code }) => code)
  const text = errors.map(({ message }) => message).join('; ')
  const project = reference.repository.split('/')[0] ?? ''
  const isRegistry =
    errors.length > 0 ||
    headers['docker-distribution-api-version'] !== undefined ||
    headers['www-authenticate'] !== undefined

  if (status === 429 || codes.includes('TOOMANYREQUESTS')) {
    const wait = retryAfterMs(headers['retry-after'], now)
    return { kind: 'limited', said, ...(wait !== undefined && { retryAfterMs: wait }) }
  }
  if (status >= 500) return { kind: 'unreachable', said: `the registry answers ${said}` }
  if (errors.some(({ message }) => saysProjectMissing(message, project))) return { kind: 'projectMissing', said }
  if (!isRegistry && [401, 403, 404].includes(status)) {
    return { kind: 'unreachable', said: `${said}, not in the words of a registry` }
  }
  if (status === 401 || status === 403) return { kind: 'denied', said, withCredentials }
  if (status === 404) return of404(said, text, codes)
  if (codes.includes('NAME_UNKNOWN') || codes.includes('NAME_INVALID')) return { kind: 'repositoryMissing', said }
  if (codes.includes('MANIFEST_UNKNOWN') || codes.includes('TAG_INVALID')) return { kind: 'tagMissing', said }
  if (codes.includes('DENIED') || codes.includes('UNAUTHORIZED')) return { kind: 'denied', said, withCredentials }
  return { kind: 'unreachable', said: `the registry answers ${said}` }
}

import type { RegistryAnswer } from '../../model/incident.ts'
import { AddressRefused } from './addresses.ts'

/** The request is stopped: a redirect, token service or answer breaks our own rules. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** A question whose turn did not come in time: nothing is known of the registry. */
export class NotAsked extends Error {
  override readonly name = 'NotAsked'
  constructor(share: string, waitedMs: number) {
    const whose = share === '' ? '' : ` about images of namespace ${share}`
    super(`not asked: other questions${whose} took longer than ${waitedMs / 1_000} s`)
  }
}

const MESSAGES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name does not resolve from here',
  EAI_AGAIN: 'its name cannot be resolved from here at the moment',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'it cannot be reached from here',
  ENETUNREACH: 'it cannot be reached from here',
  ETIMEDOUT: 'it does not answer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  HPE_HEADER_OVERFLOW: 'its headers are too long',
  EPROTO: 'it does not speak TLS on that port',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on that port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on that port',
}

const errorCodeOf = (error: unknown): string => {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at instanceof AggregateError && at.errors.length > 0) return errorCodeOf(at.errors[0])
  }
  return ''
}

/** An answer in place of an error: nothing that goes wrong with a registry is thrown further. */
export const answerOfError = (error: unknown, host: string): RegistryAnswer => {
  if (error instanceof AddressRefused || error instanceof Refused)
    return { kind: 'refused', message: tidy(error.message) }
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return { kind: 'unreachable', message: `${host} did not answer in time` }
  }
  const code = errorCodeOf(error)
  const why = MESSAGES[code] ?? (error instanceof Error ? tidy(error.message).slice(0, 200) : 'the request failed')
  return { kind: 'unreachable', message: `${host}: ${why}${code === '' ? '' : ` (${code})`}` }
}

/** Longest text of a registry that is repeated, in characters. */
const MAX_REPEATED = 500

/** One line without control characters, for untrusted text. */
export const tidy = (text: string): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > MAX_REPEATED ? `${line.slice(0, MAX_REPEATED)}…` : line
}

/** What a registry says is wrong, in its own codes: OCI distribution spec, "error codes"; Harbor adds its own. */
export interface RegistryError {
  readonly code: string
  readonly message: string
}

const textOf = (value: unknown): string => (typeof value === 'string' ? tidy(value) : '')

/**
 * Errors in the body of an answer, at most 8; empty where it is not a registry's: then nothing of it is repeated, so that
 * a reference that leads to some other server cannot be used to read from it. Never throws.
 */
export const parseErrors = (body: Buffer): readonly RegistryError[] => {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch {
    return []
  }
  const errors = typeof json === 'object' && json !== null && 'errors' in json ? json.errors : undefined
  if (!Array.isArray(errors)) return []
  return errors.slice(0, 8).flatMap((item: unknown): readonly RegistryError[] => {
    if (typeof item !== 'object' || item === null) return []
    const code = 'code' in item ? textOf(item.code).toUpperCase() : ''
    const message = 'message' in item ? textOf(item.message) : ''
    return code === '' && message === '' ? [] : [{ code, message }]
  })
}

/** `401 UNAUTHORIZED: project not found, name: k8s` */
export const describeErrors = (status: number, errors: readonly RegistryError[]): string => {
  const text = errors.map(({ code, message }) => [code, message].filter((part) => part !== '').join(': ')).join('; ')
  return tidy(`${status}${text === '' ? '' : ` ${text}`}`)
}

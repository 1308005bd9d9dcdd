import type { RegistryAnswer } from '../incident.ts'
import { AddressRefused } from './addresses.ts'
import { tidy } from './words.ts'

/** We will not go on: what was met on the way is against our own rules. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

const SENTENCES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name does not resolve from here',
  EAI_AGAIN: 'its name cannot be resolved now from here',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it broke the connection off',
  EHOSTUNREACH: 'there is no way to it from here',
  ENETUNREACH: 'there is no way to it from here',
  ETIMEDOUT: 'it does not answer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  HPE_HEADER_OVERFLOW: 'its headers are longer than is read',
  EPROTO: 'it does not speak TLS there',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there',
}

const codeOf = (error: unknown): string => {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0])
  }
  return ''
}

/** An answer in place of an error: nothing that goes wrong with a registry is thrown further. */
export const answerOfError = (error: unknown, host: string): RegistryAnswer => {
  if (error instanceof AddressRefused || error instanceof Refused) return { kind: 'refused', said: tidy(error.message) }
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return { kind: 'unreachable', said: `${host} did not answer in time` }
  }
  const code = codeOf(error)
  const why = SENTENCES[code] ?? (error instanceof Error ? tidy(error.message).slice(0, 200) : 'it failed')
  return { kind: 'unreachable', said: `${host}: ${why}${code === '' ? '' : ` (${code})`}` }
}

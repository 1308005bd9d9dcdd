/**
 * What runtimes say of a pull that failed. Sources: github.com/containerd/containerd, core/remotes/docker
 * (resolver.go, authorizer.go); github.com/moby/moby, distribution/errors.go and registry; the gRPC code is left out by
 * kubelets that strip `Unknown` (k8s.io/cri-client, remote_image.go).
 */
import { STATUS_CODES } from 'node:http'
import type { Reference } from './reference.ts'
import { type Answer, readChallenge, type Resolution } from './registry-client.ts'

export type Runtime = 'containerd' | 'docker'
export type PullFailure =
  | Exclude<Resolution, { kind: 'found' }>
  | { readonly kind: 'no-platform'; readonly platform: string }

export interface PullMessages {
  /** gRPC's code. */
  readonly code: 'Unknown' | 'NotFound'
  readonly text: string
}

const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`.trim()

const unexpected = ({ method, url, status }: Answer): string =>
  `unexpected status from ${method} request to ${url}: ${statusLine(status)}`

const DENIED = 'pull access denied, repository does not exist or may require authorization'

const containerdRefused = (reference: Reference, answer: Answer, hasLogin: boolean): string => {
  if (answer.status === 404) return `${reference.full}: not found`
  const { scheme, parameters } = readChallenge(answer.headers)
  if (answer.status === 401) {
    const error = parameters.get('error')
    if (scheme === 'bearer' && error) return `${DENIED}: server message: ${error}: authorization failed`
    if (scheme === 'basic' && !hasLogin) return `${DENIED}: authorization failed: no basic auth credentials`
  }
  const { host } = new URL(answer.url)
  return `pulling from host ${host} failed with status code [manifests ${reference.wanted}]: ${statusLine(answer.status)}`
}

const containerdMessages = (reference: Reference, failure: PullFailure): PullMessages => {
  const unpack = `failed to pull and unpack image "${reference.full}"`
  const resolve = `${unpack}: failed to resolve reference "${reference.full}"`
  switch (failure.kind) {
    case 'refused':
      return {
        code: failure.answer.status === 404 ? 'NotFound' : 'Unknown',
        text: `${resolve}: ${containerdRefused(reference, failure.answer, failure.hasLogin)}`,
      }
    case 'no-token': {
      const kind = failure.hasLogin ? 'oauth' : 'anonymous'
      const why = `failed to fetch ${kind} token: ${unexpected(failure.answer)}`
      return { code: 'Unknown', text: `${resolve}: failed to authorize: ${why}` }
    }
    case 'unreachable': {
      const method = failure.method === 'HEAD' ? 'Head' : 'Get'
      return { code: 'Unknown', text: `${resolve}: failed to do request: ${method} "${failure.url}": ${failure.why}` }
    }
    case 'no-platform':
      return { code: 'NotFound', text: `${unpack}: no match for platform in manifest: not found` }
  }
}

const KNOWN_CODES = ['UNAUTHORIZED', 'DENIED', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'TOOMANYREQUESTS', 'UNSUPPORTED']

/** A registry's error as Docker's client prints it; codes that it does not know become `unknown`. */
const dockerError = ({ status, headers, body }: Answer): { code: string; text: string } => {
  if (status === 401 && readChallenge(headers).parameters.get('error') === 'insufficient_scope') {
    return { code: 'DENIED', text: 'denied: requested access to the resource is denied' }
  }
  if (status >= 500) return { code: '', text: `received unexpected HTTP status: ${statusLine(status)}` }
  try {
    const { errors } = JSON.parse(body) as { errors: { code: string; message: string }[] }
    const { code = '', message = '' } = errors[0] ?? {}
    const shown = KNOWN_CODES.includes(code) ? code.toLowerCase().replaceAll('_', ' ') : 'unknown'
    return { code, text: `${shown}: ${message}` }
  } catch {
    return { code: '', text: `error parsing HTTP ${status} response body: ${JSON.stringify(body.slice(0, 100))}` }
  }
}

const dockerRefused = ({ familiarName, wanted }: Reference, answer: Answer): string => {
  const { code, text } = dockerError(answer)
  switch (code) {
    case 'DENIED':
      return `pull access denied for ${familiarName}, repository does not exist or may require 'docker login': ${text}`
    case 'MANIFEST_UNKNOWN':
      return `manifest for ${familiarName}${wanted.includes(':') ? '@' : ':'}${wanted} not found: ${text}`
    case 'NAME_UNKNOWN':
      return `repository ${familiarName} not found: ${text}`
    default:
      return text
  }
}

const dockerMessages = (reference: Reference, failure: PullFailure): PullMessages => {
  const say = (text: string): PullMessages => ({ code: 'Unknown', text: `Error response from daemon: ${text}` })
  switch (failure.kind) {
    case 'refused':
      return say(dockerRefused(reference, failure.answer))
    case 'no-token':
      return say(`Get "${failure.answer.url}": unauthorized: incorrect username or password`)
    case 'unreachable':
      return say(`Get "${failure.url}": ${failure.why}`)
    case 'no-platform':
      return say(`no matching manifest for ${failure.platform} in the manifest list entries`)
  }
}

export const pullMessages = (runtime: Runtime, reference: Reference, failure: PullFailure): PullMessages =>
  runtime === 'docker' ? dockerMessages(reference, failure) : containerdMessages(reference, failure)

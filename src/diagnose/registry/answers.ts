import type { IncomingHttpHeaders } from 'node:http'
import type { ImageReference } from '../../model/image-reference.ts'
import type { RegistryAnswer } from '../../model/incident.ts'
import { boundedWaitMs, retryAfterMs } from '../../runtime/requested-wait.ts'
import { describeErrors, parseErrors, Refused } from './errors.ts'
import type { Answer } from './http.ts'
import {
  ACCEPT,
  asDigest,
  digestOf,
  isIndex,
  isSchema1,
  manifestType,
  platformsOfConfig,
  readManifest,
} from './manifest.ts'
import type { Session } from './session.ts'

const MAX_ERROR = 65_536
const MAX_MANIFEST = 4 * 1_048_576

export interface Question {
  readonly reference: ImageReference
  readonly now: number
}

/** The image's config, for its platform; nothing where it cannot be had: the image exists all the same. */
const readConfig = async (session: Session, repository: string, digest: string): Promise<readonly string[]> => {
  const path = `/${repository}/blobs/${digest}`
  const { status, body, cut } = await session.ask({ method: 'GET', path, accept: '*/*', maxBytes: MAX_MANIFEST })
  return status === 200 && !cut && digestOf(body, digest) === digest ? platformsOfConfig(body) : []
}

/** Which of repository and tag is missing: distribution says MANIFEST_UNKNOWN of both, but lists no tags of the former. */
const findMissingPart = async (
  session: Session,
  question: Question,
  answer: RegistryAnswer,
): Promise<RegistryAnswer> => {
  if (answer.kind !== 'tagMissing') return answer
  const path = `/${question.reference.repository}/tags/list?n=1`
  const listed = await session.ask({ method: 'GET', path, accept: 'application/json', maxBytes: MAX_ERROR })
  if (listed.status !== 404) return answer
  const listAnswer = classifyAnswer({ ...listed, ...question, withCredentials: session.credentialSent() })
  return listAnswer.kind === 'repositoryMissing' || listAnswer.kind === 'projectMissing' ? listAnswer : answer
}

/** The manifest: its digest, and its platforms. */
const readImage = async (
  session: Session,
  repository: string,
  wanted: string,
  head: Answer,
): Promise<RegistryAnswer> => {
  const type = manifestType(head.headers['content-type'])
  if (type === undefined) {
    const got = head.headers['content-type']?.slice(0, 80) ?? 'nothing'
    return { kind: 'unreachable', message: `the registry answers 200 with ${got} instead of a manifest` }
  }
  const reportedDigest = asDigest(wanted) ?? asDigest(head.headers['docker-content-digest'])
  const path = `/${repository}/manifests/${reportedDigest ?? wanted}`
  const { status, body, cut, headers } = await session.ask({
    method: 'GET',
    path,
    accept: ACCEPT,
    maxBytes: MAX_MANIFEST,
  })
  if (status !== 200) {
    // The HEAD was counted, the GET was not let through (pull limits): it exists, and no more is known.
    if (reportedDigest !== undefined) return { kind: 'exists', digest: reportedDigest, platforms: [], mediaType: type }
    return { kind: 'unreachable', message: `the registry answers ${status} to GET and 200 to HEAD` }
  }
  if (cut) return { kind: 'unreachable', message: `the manifest is longer than ${MAX_MANIFEST} bytes` }
  const mediaType = manifestType(headers['content-type']) ?? type
  const old = isSchema1(mediaType)
  // The digest of a schema 1 manifest leaves its signatures out.
  const digest = old ? (reportedDigest ?? digestOf(body)) : digestOf(body, reportedDigest)
  if (reportedDigest !== undefined && digest !== reportedDigest)
    throw new Refused(`the manifest does not match its digest ${reportedDigest}`)
  const manifest = readManifest(body)
  if (manifest === undefined) return { kind: 'unreachable', message: "the registry's answer is not a manifest" }
  const platforms =
    isIndex(mediaType) || manifest.config === undefined
      ? manifest.platforms
      : await readConfig(session, repository, manifest.config).catch(() => [])
  return { kind: 'exists', digest, platforms, mediaType }
}

/**
 * Asks one endpoint of one image: HEAD first, which counts against no pull limit; then the body, of the manifest for its
 * platforms or of the error for its message. Rejects as the session does.
 */
export const askEndpoint = async (session: Session, { reference, now }: Question): Promise<RegistryAnswer> => {
  const { repository, tag, digest } = reference
  const wanted = digest ?? tag ?? 'latest'
  const path = `/${repository}/manifests/${wanted}`
  const head = await session.ask({ method: 'HEAD', path, accept: ACCEPT, maxBytes: 0 })
  if (head.status === 200) return readImage(session, repository, wanted, head)
  // The answer to a HEAD has no body; that of a token service has.
  const { status, headers, body } =
    head.body.length > 0 ? head : await session.ask({ method: 'GET', path, accept: ACCEPT, maxBytes: MAX_ERROR })
  if (status === 200) {
    return readImage(session, repository, wanted, { ...head, status, headers })
  }
  const answer = classifyAnswer({ status, headers, body, reference, now, withCredentials: session.credentialSent() })
  return findMissingPart(session, { reference, now }, answer)
}

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

/** What a registry or its token service may ask for. No incident waits longer for its next check than ten minutes anyway. */
const WAIT = { minMs: 10_000, maxMs: 10 * 60_000 }

/** Harbor 1.x: `project not found, name: k8s`; Harbor 2.x: `project k8s not found`, `project "k8s" not found`. */
const PROJECT =
  /\bproject (?:not found(?:, name: "?(?<a>[^\s",:]+))?|"?(?<b>[^\s",:]+)"? (?:is |was )?not found|not found "?(?<c>[^\s",:]+))/i

/** Whether a message reports that this very project is missing: a registry may speak of another one that it builds upon. */
const isProjectMissing = (message: string, project: string): boolean => {
  const match = PROJECT.exec(message)
  if (match === null) return false
  const named = match.groups?.['a'] ?? match.groups?.['b'] ?? match.groups?.['c']
  return named === undefined || named === project
}

const of404 = (message: string, text: string, codes: readonly string[]): Refusal => {
  if (
    codes.includes('NAME_UNKNOWN') ||
    /(?:^|[:;] )repository (?:name |\S+ )(?:is )?not (?:found|known)\b/i.test(text)
  ) {
    return { kind: 'repositoryMissing', message }
  }
  return { kind: 'tagMissing', message }
}

/**
 * What an error answer of a registry means, by status, code and message: plain distribution, Harbor 1.x and 2.x, and those
 * that follow the OCI distribution spec. An answer that is in no registry's format is not trusted: `unreachable`. Pure.
 */
export const classifyAnswer = ({ status, headers, body, reference, withCredentials, now }: ErrorAnswer): Refusal => {
  const errors = parseErrors(body)
  const message = describeErrors(status, errors)
  const codes = errors.map(({ code }) => code)
  const text = errors.map((error) => error.message).join('; ')
  const project = reference.repository.split('/')[0] ?? ''
  const isRegistry =
    errors.length > 0 ||
    headers['docker-distribution-api-version'] !== undefined ||
    headers['www-authenticate'] !== undefined

  if (status === 429 || codes.includes('TOOMANYREQUESTS')) {
    const asked = retryAfterMs(headers, now)
    return { kind: 'limited', message, ...(asked !== undefined && { retryAfterMs: boundedWaitMs(asked, WAIT) }) }
  }
  if (status >= 500) return { kind: 'unreachable', message: `the registry answers ${message}` }
  if (errors.some((error) => isProjectMissing(error.message, project))) return { kind: 'projectMissing', message }
  if (!isRegistry && [401, 403, 404].includes(status)) {
    return { kind: 'unreachable', message: `${message}, not in the format of a registry` }
  }
  if (status === 401 || status === 403) return { kind: 'denied', message, withCredentials }
  if (status === 404) return of404(message, text, codes)
  if (codes.includes('NAME_UNKNOWN') || codes.includes('NAME_INVALID')) return { kind: 'repositoryMissing', message }
  if (codes.includes('MANIFEST_UNKNOWN') || codes.includes('TAG_INVALID')) return { kind: 'tagMissing', message }
  if (codes.includes('DENIED') || codes.includes('UNAUTHORIZED')) return { kind: 'denied', message, withCredentials }
  return { kind: 'unreachable', message: `the registry answers ${message}` }
}

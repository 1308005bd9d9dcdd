import type { ImageReference } from '../../api/image-reference.ts'
import type { RegistryAnswer } from '../incident.ts'
import { classifyAnswer } from './classify-answer.ts'
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
import { Refused } from './trouble.ts'

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
const whatIsMissing = async (session: Session, question: Question, answer: RegistryAnswer): Promise<RegistryAnswer> => {
  if (answer.kind !== 'tagMissing') return answer
  const path = `/${question.reference.repository}/tags/list?n=1`
  const listed = await session.ask({ method: 'GET', path, accept: 'application/json', maxBytes: MAX_ERROR })
  if (listed.status !== 404) return answer
  const meant = classifyAnswer({ ...listed, ...question, withCredentials: session.showed() })
  return meant.kind === 'repositoryMissing' || meant.kind === 'projectMissing' ? meant : answer
}

/** The manifest that stands there: its digest, and the platforms it is for. */
const readImage = async (
  session: Session,
  repository: string,
  wanted: string,
  head: Answer,
): Promise<RegistryAnswer> => {
  const type = manifestType(head.headers['content-type'])
  if (type === undefined) {
    const got = head.headers['content-type']?.slice(0, 80) ?? 'nothing'
    return { kind: 'unreachable', said: `the registry answers 200, not with a manifest but with ${got}` }
  }
  const told = asDigest(wanted) ?? asDigest(head.headers['docker-content-digest'])
  const path = `/${repository}/manifests/${told ?? wanted}`
  const { status, body, cut, headers } = await session.ask({
    method: 'GET',
    path,
    accept: ACCEPT,
    maxBytes: MAX_MANIFEST,
  })
  if (status !== 200) {
    // The HEAD was counted, the GET was not let through (pull limits): it exists, and no more is known.
    if (told !== undefined) return { kind: 'exists', digest: told, platforms: [], mediaType: type }
    return { kind: 'unreachable', said: `the registry answers ${status} to GET and 200 to HEAD` }
  }
  if (cut) return { kind: 'unreachable', said: `the manifest is longer than ${MAX_MANIFEST} bytes` }
  const mediaType = manifestType(headers['content-type']) ?? type
  const old = isSchema1(mediaType)
  // The digest of a schema 1 manifest leaves its signatures out.
  const digest = old ? (told ?? digestOf(body)) : digestOf(body, told)
  if (told !== undefined && digest !== told)
    throw new Refused(`the manifest is not the one that its digest ${told} names`)
  const manifest = readManifest(body)
  if (manifest === undefined) return { kind: 'unreachable', said: 'what the registry holds there is not a manifest' }
  const platforms =
    isIndex(mediaType) || manifest.config === undefined
      ? manifest.platforms
      : await readConfig(session, repository, manifest.config).catch(() => [])
  return { kind: 'exists', digest, platforms, mediaType }
}

/**
 * Asks one endpoint of one image: HEAD first, which counts against no pull limit; then the body, of the manifest for its
 * platforms or of the error for its words. Rejects as the session does.
 */
export const askEndpoint = async (session: Session, { reference, now }: Question): Promise<RegistryAnswer> => {
  const { repository, tag, digest } = reference
  const wanted = digest ?? tag ?? 'latest'
  const path = `/${repository}/manifests/${wanted}`
  const head = await session.ask({ method: 'HEAD', path, accept: ACCEPT, maxBytes: 0 })
  if (head.status === 200) return readImage(session, repository, wanted, head)
  // The answer to a HEAD has no words; a token service's has.
  const { status, headers, body } =
    head.body.length > 0 ? head : await session.ask({ method: 'GET', path, accept: ACCEPT, maxBytes: MAX_ERROR })
  if (status === 200) {
    return readImage(session, repository, wanted, { ...head, status, headers })
  }
  const answer = classifyAnswer({ status, headers, body, reference, now, withCredentials: session.showed() })
  return whatIsMissing(session, { reference, now }, answer)
}

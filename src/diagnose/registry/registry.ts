import { formatImage, type ImageReference, parseImage } from '../../model/image-reference.ts'
import { type Fact, type RegistryAnswer, unknown } from '../../model/incident.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { createShares } from '../../runtime/shares.ts'
import { guardedAddresses } from './addresses.ts'
import { askEndpoint } from './answers.ts'
import { createAuthority, type Credential, fingerprint } from './auth.ts'
import { createTtlCache } from './cache.ts'
import { answerOfError, NotAsked } from './errors.ts'
import { type Endpoint, readHosts } from './hosts.ts'
import { createHttp } from './http.ts'
import { createDns, type ResolveName } from './names.ts'
import { type ListKind, listNames, openSession } from './session.ts'
import type { ProxySettings } from '../../config/proxy.ts'

export interface RegistryOptions {
  /** containerd's `certs.d`; without it every registry is asked by https, with the system's CAs. */
  readonly certsDirectory?: string
  /** Addresses or CIDRs that may be connected to although their range is forbidden. */
  readonly allowedAddresses?: readonly string[]
  readonly timing?: Timing
  readonly userAgent?: string
  /** Default: DNS servers are asked directly. */
  readonly resolveName?: ResolveName
  /** Default: none. */
  readonly proxy?: ProxySettings
  /** Answers and tokens age by its monotonic time. */
  readonly clock?: Pick<Clock, 'now' | 'monotonic'>
}

/** All in milliseconds. */
interface Timing {
  /** For one request; default 5 s. */
  readonly requestTimeoutMs?: number
  /** For one question with all its requests; default three requests' time. */
  readonly deadlineMs?: number
  /** How long an answer holds; default 30 s. */
  readonly answerLifeMs?: number
  /** How long a question may wait for its turn; default twice the deadline. */
  readonly patienceMs?: number
}

/**
 * Asks registries what they hold. Whoever names an image decides how long its registry takes to answer, so each question
 * counts for a `share`, the namespace that names the image: each may have a few questions in progress, and its others wait.
 */
export interface Registry {
  /**
   * What the registry says of an image, with the first of these credentials that it accepts (as a kubelet tries them), or
   * anonymously where there are none. Everything that goes wrong is an answer with a sentence. Rejects only with
   * `NotAsked`, where its turn did not come: then nothing is known.
   */
  readonly ask: (image: string, credentials: readonly Credential[], share?: string) => Promise<RegistryAnswer>
  /** The tags beside an image's own, or the repositories of its registry, asked for in the same way. Never rejects. */
  readonly list: (
    what: ListKind,
    image: string,
    credentials: readonly Credential[],
    share?: string,
  ) => Promise<Fact<readonly string[]>>
  readonly close: () => void
}

const MAX_ANSWERS = 512
const MAX_CREDENTIALS = 4
/** Questions in progress. Each may hold a manifest of 4 MiB in memory. */
const QUESTIONS = { perShare: 4, total: 16 }
/** Lists are long, and few of them are asked for. */
const MAX_LISTS = 16
/** What may pass soon is believed for a shorter time. */
const ERROR_LIFE_MS = 10_000

/** The most informative of several endpoints' responses: containerd's order, core/remotes/docker/resolver.go. */
const RANK: Readonly<Record<RegistryAnswer['kind'], number>> = {
  exists: 6,
  projectMissing: 5,
  denied: 4,
  limited: 3,
  repositoryMissing: 2,
  tagMissing: 2,
  refused: 1,
  unreachable: 0,
}

/** Asks registries over pooled connections; answers are kept for a short time and asked for once at a time. */
export const createRegistry = ({
  certsDirectory,
  allowedAddresses = [],
  timing = {},
  userAgent = 'podmend',
  resolveName = createDns(),
  proxy,
  clock: { now, monotonic } = systemClock,
}: RegistryOptions = {}): Registry => {
  const { requestTimeoutMs = 5_000, answerLifeMs = 30_000 } = timing
  const { deadlineMs = 3 * requestTimeoutMs } = timing
  const { patienceMs = 2 * deadlineMs } = timing
  const http = createHttp(resolveName, proxy)
  const questions = createShares(QUESTIONS)
  const authority = createAuthority(http, userAgent, monotonic)
  const addresses = guardedAddresses(allowedAddresses)
  const answers = createTtlCache<RegistryAnswer>({ max: MAX_ANSWERS, now: monotonic })
  const lists = createTtlCache<Fact<readonly string[]>>({ max: MAX_LISTS, now: monotonic })
  const deps = { http, authority, addresses, userAgent, requestTimeoutMs }

  const askOnce = async (
    endpoint: Endpoint,
    reference: ImageReference,
    credential: Credential | undefined,
    signal: AbortSignal,
  ) => {
    const { repository } = reference
    const session = openSession(deps, { endpoint, repository, credential, signal })
    try {
      return await askEndpoint(session, { reference, now: now() })
    } catch (error) {
      return answerOfError(error, new URL(endpoint.root).host)
    }
  }

  const askAll = async (reference: ImageReference, credentials: readonly Credential[]): Promise<RegistryAnswer> => {
    const signal = AbortSignal.timeout(deadlineMs)
    const { endpoints, warnings } = await readHosts(reference.host, certsDirectory)
    const tried = credentials.length === 0 ? [undefined] : credentials.slice(0, MAX_CREDENTIALS)
    let best: RegistryAnswer | undefined
    for (const endpoint of endpoints) {
      if (!endpoint.resolves && reference.digest === undefined) continue
      for (const credential of tried) {
        const answer = await askOnce(endpoint, reference, credential, signal)
        if (best === undefined || RANK[answer.kind] >= RANK[best.kind]) best = answer
        if (answer.kind !== 'denied') break
      }
      if (best?.kind === 'exists') return best
    }
    const answer = best ?? {
      kind: 'unreachable',
      message: `no configured host of ${reference.host} may resolve tags`,
    }
    return warnings.length > 0 && answer.kind !== 'exists'
      ? { ...answer, message: `${answer.message}; ${warnings.join('; ')}` }
      : answer
  }

  const listAll = async (
    what: ListKind,
    { host, repository: of }: ImageReference,
    credentials: readonly Credential[],
  ): Promise<Fact<readonly string[]>> => {
    const signal = AbortSignal.timeout(deadlineMs)
    const endpoint = (await readHosts(host, certsDirectory)).endpoints.find(({ resolves }) => resolves)
    if (!endpoint) return unknown(`no configured host of ${host} may resolve tags`)
    const repository = what === 'tags' ? of : undefined
    let last: Fact<readonly string[]> = unknown(`${host} was not asked`)
    for (const credential of credentials.length === 0 ? [undefined] : credentials.slice(0, MAX_CREDENTIALS)) {
      try {
        last = await listNames(openSession(deps, { endpoint, repository, credential, signal }), what, of)
      } catch (error) {
        const answer = answerOfError(error, new URL(endpoint.root).host)
        last = unknown('message' in answer ? answer.message : 'the request failed')
      }
      if (last.known) return last
    }
    return last
  }

  /** Runs a question in the turn of its share. Rejects with `NotAsked` if the turn does not come in time. */
  const inTurn = async <T>(share: string, question: () => Promise<T>): Promise<T> => {
    const patience = new AbortController()
    const timer = setTimeout(() => patience.abort(new NotAsked(share, patienceMs)), patienceMs)
    const start = () => {
      clearTimeout(timer)
      return question()
    }
    try {
      return await questions.run(share, start, { signal: patience.signal })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    list: async (what, image, credentials, share = '') => {
      const parsed = parseImage(image)
      if (!parsed.ok) return unknown(parsed.sentence)
      const { host, repository } = parsed.reference
      const key = [what, host, what === 'tags' ? repository : '', ...credentials.map(fingerprint)].join('\n')
      const have = lists.held(key)
      if (have) return have
      try {
        // Loads within the turn, so that no other share waits for a question that has not been asked yet.
        return await inTurn(share, () =>
          lists.get(key, {
            load: () => listAll(what, parsed.reference, credentials),
            lifeMs: (found) => (found.known ? answerLifeMs : Math.min(ERROR_LIFE_MS, answerLifeMs)),
          }),
        )
      } catch (error) {
        if (error instanceof NotAsked) return unknown(error.message)
        const answer = answerOfError(error, host)
        return unknown('message' in answer ? answer.message : 'the request failed')
      }
    },
    ask: async (image, credentials, share = '') => {
      const parsed = parseImage(image)
      if (!parsed.ok) return { kind: 'refused', message: parsed.sentence }
      const key = [formatImage(parsed.reference), ...credentials.map(fingerprint)].join('\n')
      const have = answers.held(key)
      if (have) return have
      try {
        return await inTurn(share, () =>
          answers.get(key, {
            load: () => askAll(parsed.reference, credentials),
            lifeMs: ({ kind }) =>
              kind === 'unreachable' || kind === 'limited' ? Math.min(ERROR_LIFE_MS, answerLifeMs) : answerLifeMs,
          }),
        )
      } catch (error) {
        if (error instanceof NotAsked) throw error
        return answerOfError(error, parsed.reference.host)
      }
    },
    close: () => http.close(),
  }
}

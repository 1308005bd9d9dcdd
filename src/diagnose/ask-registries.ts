import type { Pod } from '../api/kubernetes.ts'
import { credentialsFor } from './docker-config.ts'
import { type Facts, known, type RegistryAnswer, unknown } from './incident.ts'
import { type PullSecrets, readPullSecrets, secretsAddedSince } from './pull-secrets.ts'
import type { Reads } from './reads.ts'
import type { Registry } from './registry/registry.ts'

export interface AskDeps {
  readonly reads: Reads
  readonly registry: Pick<Registry, 'ask'>
  /** Whether secrets may be read at all; without it registries are asked as anybody. */
  readonly readPullSecrets: boolean
}

/** Images of one question at most: a decision asks for fewer. */
const MAX_IMAGES = 32

const nothing = (sentence: string): PullSecrets => ({ entries: [], sentences: [sentence] })

const secretsOf = async (pod: Pod | undefined, { reads, readPullSecrets: allowed }: AskDeps): Promise<PullSecrets> => {
  if (!pod) return nothing('no failing pod is at hand to say which pull secrets apply')
  if (!allowed)
    return nothing('pull secrets are not read (--read-pull-secrets=false), so registries are asked as anybody')
  return readPullSecrets(pod, reads)
}

const deniedToAnybody = (answer: RegistryAnswer): boolean => answer.kind === 'denied' && !answer.withCredentials

/**
 * Asks registries with the pull secrets of a failing pod, and adds their answers to the facts. The secrets are read once
 * for one incident's facts, however often more is asked; their content is never part of the facts. Never rejects.
 */
export const createAskRegistries = (deps: AskDeps) => {
  const read = new WeakMap<object, PullSecrets>()

  return async (
    pod: Pod | undefined,
    images: readonly string[],
    have: Facts,
  ): Promise<Pick<Facts, 'pullSecrets' | 'registry'>> => {
    const before = have.pullSecrets && read.get(have.pullSecrets)
    const secrets = before ?? (await secretsOf(pod, deps))
    const answers = await Promise.all(
      images.slice(0, MAX_IMAGES).map(async (image) => {
        const answer = await deps.registry.ask(image, credentialsFor(secrets.entries, image))
        return [image, answer] as const
      }),
    )
    const denied = pod !== undefined && answers.some(([, answer]) => deniedToAnybody(answer))
    const late = denied && deps.readPullSecrets ? await secretsAddedSince(pod, deps.reads) : []
    const told = have.pullSecrets?.known ? have.pullSecrets.value : secrets.sentences
    const pullSecrets = known([...new Set([...told, ...late])])
    read.set(pullSecrets, secrets)
    const beyond = images.slice(MAX_IMAGES).map((image) => [image, unknown('too many images were asked for')] as const)
    return {
      pullSecrets,
      registry: {
        ...have.registry,
        ...Object.fromEntries([...answers.map(([image, answer]) => [image, known(answer)] as const), ...beyond]),
      },
    }
  }
}

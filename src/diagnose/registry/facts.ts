import { type Fact, type Facts, type ImageFactName, known, type RegistryAnswer, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { Reads } from '../reads.ts'
import type { Credential } from './auth.ts'
import { NotAsked } from './errors.ts'
import {
  credentialsFor,
  type KeyringEntry,
  type PullSecrets,
  readPullSecrets,
  secretsAddedSince,
} from './pull-secrets.ts'
import type { Registry } from './registry.ts'

export interface AskDeps {
  readonly reads: Reads
  readonly registry: Pick<Registry, 'ask' | 'list'>
  /** Whether secrets may be read at all; without it registries are asked anonymously. */
  readonly readPullSecrets: boolean
}

/** Asked for at once at most: a decision asks for fewer. */
const MAX_QUESTIONS = 32

const noSecrets = (sentence: string): PullSecrets => ({ entries: [], sentences: [sentence] })

const secretsOf = async (pod: Pod | undefined, { reads, readPullSecrets: allowed }: AskDeps): Promise<PullSecrets> => {
  if (!pod) return noSecrets('which pull secrets apply is unknown: no pod is failing any more')
  if (!allowed)
    return noSecrets('pull secrets are not read (--read-pull-secrets=false), so registries are asked anonymously')
  return readPullSecrets(pod, reads)
}

const deniedAnonymously = (answer: RegistryAnswer): boolean => answer.kind === 'denied' && !answer.withCredentials

type RegistryFacts = Pick<Facts, 'pullSecrets' | ImageFactName['fact']>

/** One question's answer, under its name. */
type Answered = { readonly [F in ImageFactName['fact']]?: Facts[F] }

/** Merges new responses into the known ones. */
const merged = (have: Facts, answers: readonly Answered[]): Pick<Facts, ImageFactName['fact']> => {
  const facts: Record<string, object> = { registry: have.registry }
  for (const [fact, byImage] of answers.flatMap((one) => Object.entries(one)))
    facts[fact] = { ...(facts[fact] ?? have[fact as ImageFactName['fact']]), ...byImage }
  return facts as Pick<Facts, ImageFactName['fact']>
}

/**
 * Asks registries with the pull secrets of a failing pod, and adds their answers to the facts. The secrets are read once
 * for one incident's facts, however often more is asked; their content is never part of the facts. Never rejects.
 */
export const createAskRegistries = (deps: AskDeps) => {
  const read = new WeakMap<object, PullSecrets>()

  const ask = async (
    image: string,
    credentials: readonly Credential[],
    share: string,
  ): Promise<Fact<RegistryAnswer>> => {
    try {
      return known(await deps.registry.ask(image, credentials, share))
    } catch (error) {
      if (error instanceof NotAsked) return unknown(error.message)
      throw error
    }
  }

  const answer = async (
    { fact, image }: ImageFactName,
    entries: readonly KeyringEntry[],
    share: string,
  ): Promise<Answered> => {
    const credentials = fact === 'anonymous' ? [] : credentialsFor(entries, image)
    switch (fact) {
      case 'registry':
      case 'anonymous':
        return { [fact]: { [image]: await ask(image, credentials, share) } }
      case 'tags':
      case 'repositories':
        return { [fact]: { [image]: await deps.registry.list(fact, image, credentials, share) } }
    }
  }

  /** `namespace`: whose share the questions count for. */
  return async (
    pod: Pod | undefined,
    names: readonly ImageFactName[],
    have: Facts,
    namespace = pod?.metadata.namespace ?? '',
  ): Promise<RegistryFacts> => {
    const before = have.pullSecrets && read.get(have.pullSecrets)
    const secrets = before ?? (await secretsOf(pod, deps))
    const [asked, tooMany] = [names.slice(0, MAX_QUESTIONS), names.slice(MAX_QUESTIONS)]
    const answers = await Promise.all(asked.map((name) => answer(name, secrets.entries, namespace)))
    const denied = answers.some(({ registry = {} }) =>
      Object.values(registry).some((one) => one.known && deniedAnonymously(one.value)),
    )
    const added = pod !== undefined && denied && deps.readPullSecrets ? await secretsAddedSince(pod, deps.reads) : []
    const sentences = have.pullSecrets?.known ? have.pullSecrets.value : secrets.sentences
    const pullSecrets = known([...new Set([...sentences, ...added])])
    read.set(pullSecrets, secrets)
    const refused = tooMany.map(
      ({ fact, image }): Answered => ({ [fact]: { [image]: unknown('too many images were asked for at once') } }),
    )
    return { pullSecrets, ...merged(have, [...answers, ...refused]) }
  }
}

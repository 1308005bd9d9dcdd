/** What is known of an image: what registries answer, and which images run or ran near a failing pod. */
import type { Reads } from '../../kube/client.ts'
import { pathOf, whyUnread } from '../../kube/paths.ts'
import { normalImage } from '../../model/image-reference.ts'
import {
  type Fact,
  type Facts,
  type ImageFactName,
  type Incident,
  known,
  type KnownImage,
  type RegistryAnswer,
  unknown,
} from '../../model/incident.ts'
import type { Container, Node, Pod, Workload } from '../../model/kubernetes.ts'
import { formatSelector } from '../../model/label-selector.ts'
import { nodeNameOf } from '../node/facts.ts'
import type { Credential } from '../registry/auth.ts'
import { NotAsked } from '../registry/errors.ts'
import {
  credentialsFor,
  type KeyringEntry,
  type PullSecrets,
  readPullSecrets,
  secretsAddedSince,
} from '../registry/pull-secrets.ts'
import type { Registry } from '../registry/registry.ts'

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

// A name that was pulled once existed.

/** A few nodes show what a cluster runs; each lists up to fifty images. */
const MAX_NODES = 20
const MAX_PODS = 250
const MAX_IMAGES = 4_096

const imagesOf = (containers: readonly Container[] = []): readonly string[] =>
  containers.flatMap(({ image }) => (image ? [normalImage(image)] : []))

const onNode = ({ metadata, status }: Node): readonly KnownImage[] =>
  (status?.images ?? [])
    .flatMap(({ names }) => names ?? [])
    // A bare digest has no tag to compare, and is listed with its names.
    .filter((name) => !name.includes('@') && !name.includes('<none>'))
    .map((name) => ({ image: normalImage(name), where: `on node ${metadata.name}` }))

/** Containers that were started: an image that is only in a spec may be mistyped there as well. */
const inPod = ({ metadata, spec, status }: Pod): readonly KnownImage[] => {
  const started = new Set(
    [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
      .filter(({ state }) => state?.running !== undefined || state?.terminated !== undefined)
      .map(({ name }) => name),
  )
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  return imagesOf(containers.filter(({ name }) => started.has(name))).map((image) => ({
    image,
    where: `in pod ${metadata.namespace ?? ''}/${metadata.name}`,
  }))
}

/** Revisions of before, which a Deployment keeps as ReplicaSets without pods. */
const inReplicaSet = ({ metadata, spec }: Workload): readonly KnownImage[] => {
  const template = spec?.template?.spec
  return [...imagesOf(template?.initContainers), ...imagesOf(template?.containers)].map((image) => ({
    image,
    where: `in ReplicaSet ${metadata.name}, an earlier revision`,
  }))
}

interface Listing {
  readonly path: string
  readonly read: () => Promise<readonly KnownImage[]>
}

const listings = ({ owner, pods }: Incident, node: string | undefined, reads: Reads): readonly Listing[] => {
  const { kind, namespace, uid } = owner.ref
  const list = <T>(path: string, query: object, pick: (item: T) => readonly KnownImage[]): Listing => ({
    path,
    read: async () => (await reads.list<T>(path, query)).items.flatMap(pick),
  })
  const nodes = pathOf({ kind: 'Node' })
  const selector = formatSelector(owner.selector)
  const where = namespace ?? pods[0]?.pod.metadata.namespace
  return [
    ...(kind === 'Deployment' && namespace !== undefined && selector !== undefined
      ? [
          list<Workload>(pathOf({ kind: 'ReplicaSet', namespace }), { labelSelector: selector, limit: 50 }, (set) =>
            set.metadata.ownerReferences?.some((reference) => reference.uid === uid) ? inReplicaSet(set) : [],
          ),
        ]
      : []),
    ...(where === undefined ? [] : [list<Pod>(pathOf({ kind: 'Pod', namespace: where }), { limit: MAX_PODS }, inPod)]),
    ...(node === undefined ? [] : [list<Node>(nodes, { fieldSelector: `metadata.name=${node}` }, onNode)]),
    list<Node>(nodes, { limit: MAX_NODES }, onNode),
  ]
}

/**
 * Each once, where it was seen first: in the owner's history, in the pod's namespace, on its node, on other nodes. What
 * one list does not give the others may; unknown where none could be read. Never rejects.
 */
export const readKnownImages = async (incident: Incident, reads: Reads): Promise<Fact<readonly KnownImage[]>> => {
  const missing: string[] = []
  const read = await Promise.all(
    listings(incident, nodeNameOf(incident), reads).map(({ path, read: images }) =>
      images().catch((error: unknown) => {
        missing.push(whyUnread(path, error))
        return undefined
      }),
    ),
  )
  const found = read.filter((images) => images !== undefined)
  if (found.length === 0) return unknown(missing[0] ?? 'no images could be listed')
  // The failing pods' own revision is among them, and names what fails.
  const failing = new Set(incident.pods.flatMap(({ findings }) => findings.map(({ image }) => normalImage(image))))
  const byImage = new Map<string, KnownImage>()
  for (const one of found.flat()) {
    if (byImage.size >= MAX_IMAGES) break
    if (!byImage.has(one.image) && !failing.has(one.image)) byImage.set(one.image, one)
  }
  return known([...byImage.values()])
}

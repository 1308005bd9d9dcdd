/** Images that run or ran near a failing pod: a name that was pulled once existed. */
import { pathOf } from '../../kube/paths.ts'
import { normalImage } from '../../model/image-reference.ts'
import { type Fact, type Incident, known, type KnownImage, unknown } from '../../model/incident.ts'
import type { Container, Node, Pod, Workload } from '../../model/kubernetes.ts'
import { formatSelector } from '../../model/label-selector.ts'
import { nodeNameOf } from '../node/facts.ts'
import { type Reads, whyUnread } from '../reads.ts'

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

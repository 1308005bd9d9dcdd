/** Images that a failing one may have been meant as: names that the cluster ran or the registry lists, similar to the typed one. */
import { formatImage, type ImageReference, parseImage } from '../../model/image-reference.ts'
import type { Facts } from '../../model/incident.ts'
import { similarNames } from '../../model/edit-distance.ts'

export interface Candidate {
  /** In normal form. */
  readonly image: string
  readonly distance: number
  /** The part that differs, as typed and as probably intended. */
  readonly typed: string
  readonly meant: string
  /** Where a name like it was seen, to follow "it is": `on node worker-1`. Absent: the registry lists it. */
  readonly where?: string
}

interface Seen {
  readonly reference: ImageReference
  readonly where: string
}

const seenIn = ({ knownImages }: Facts): readonly Seen[] =>
  (knownImages?.known ? knownImages.value : []).flatMap(({ image, where }) => {
    const parsed = parseImage(image)
    return parsed.ok ? [{ reference: parsed.reference, where }] : []
  })

const valueOf = (facts: Facts, fact: 'tags' | 'repositories', image: string): readonly string[] => {
  const listed = facts[fact]?.[image]
  return listed?.known ? listed.value : []
}

/** A similar repository on the same host, with the typed tag. */
const byRepository = (image: string, reference: ImageReference, facts: Facts): readonly Candidate[] => {
  const { host, repository } = reference
  const seen = new Map<string, string>()
  for (const { reference: one, where } of seenIn(facts))
    if (one.host === host && !seen.has(one.repository)) seen.set(one.repository, where)
  const names = [...seen.keys(), ...valueOf(facts, 'repositories', image)]
  return similarNames(repository, names).map(({ name, distance }) => {
    const where = seen.get(name)
    return {
      image: formatImage({ ...reference, repository: name }),
      distance,
      typed: repository,
      meant: name,
      ...(where !== undefined && { where }),
    }
  })
}

/** The same repository on a host with a similar name. */
const byHost = (reference: ImageReference, facts: Facts): readonly Candidate[] => {
  const hosts = new Map<string, string>()
  for (const { reference: one, where } of seenIn(facts))
    if (one.repository === reference.repository && !hosts.has(one.host)) hosts.set(one.host, where)
  return similarNames(reference.host, hosts.keys()).map(({ name, distance }) => {
    const where = hosts.get(name)
    return {
      image: formatImage({ ...reference, host: name }),
      distance,
      typed: reference.host,
      meant: name,
      ...(where !== undefined && { where }),
    }
  })
}

/** Another tag of the same repository. */
const byTag = (image: string, reference: ImageReference, facts: Facts): readonly Candidate[] => {
  const { tag, digest } = reference
  if (tag === undefined || digest !== undefined) return []
  return similarNames(tag, valueOf(facts, 'tags', image)).map(({ name, distance }) => ({
    image: formatImage({ ...reference, tag: name }),
    distance,
    typed: tag,
    meant: name,
  }))
}

/** Nearest first; then those that ran in the cluster. */
export const similarImages = (image: string, reference: ImageReference, facts: Facts): readonly Candidate[] => {
  const all = [...byRepository(image, reference, facts), ...byHost(reference, facts), ...byTag(image, reference, facts)]
  return all.toSorted(
    (a, b) => a.distance - b.distance || Number(a.where === undefined) - Number(b.where === undefined),
  )
}

/**
 * Which image fails. The kubelet shows the error of an image volume (KEP-4639) on the container that mounts it, so the
 * container's own image may be well. What the kubelet's status message names is the one that fails.
 */
import { normalImage, parseImage, sameImage } from '../../model/image-reference.ts'
import type { Finding } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'

/** A runtime may print a mirror's host, or prefix, in the place of the registry's: the path's last segments are the same. */
const sameElsewhere = (named: string, image: string): boolean => {
  const [a, b] = [parseImage(named), parseImage(image)]
  if (!a.ok || !b.ok) return false
  const [one, other] = [a.reference, b.reference]
  if (one.digest !== undefined && other.digest !== undefined) {
    if (one.digest !== other.digest) return false
  } else if (one.tag !== undefined && other.tag !== undefined && hasTag(named) && one.tag !== other.tag) return false
  const path = ({ repository }: typeof one): string => `/${repository.replace(/^library\//, '')}`
  return path(one).endsWith(path(other)) || path(other).endsWith(path(one))
}

/** Docker leaves the tag out where it denies a repository. */
const hasTag = (text: string): boolean => /:[^/]*$/.test(text.replace(/@.*$/, ''))

/** A message that was cut within the name. */
const isCut = (message: string, named: string, image: string): boolean =>
  message.replace(/(\.{3}|…)$/, '').endsWith(named) && (image.startsWith(named) || normalImage(image).startsWith(named))

interface Named {
  /** As the kubelet's message has it; undefined where it names none. */
  readonly named: string | undefined
  readonly message: string
  /** The container's own. */
  readonly own: string
}

/**
 * The failing image and, where it is not the container's own, whose it is. Without a name in the message it is the
 * container's own; a name that matches both, or neither, is of unknown source. Pure.
 */
export const failingImage = (pod: Pod, { named, message, own }: Named): Pick<Finding, 'image' | 'imageSource'> => {
  if (named === undefined || own === '' || sameImage(named, own)) return { image: own }
  const volumes = (pod.spec?.volumes ?? []).flatMap(({ name, image }) =>
    image?.reference ? [{ name, reference: image.reference }] : [],
  )
  const ofVolume = ({ name, reference }: (typeof volumes)[number]): Pick<Finding, 'image' | 'imageSource'> => ({
    image: reference,
    imageSource: { kind: 'Volume', volume: name },
  })
  const exact = volumes.find(({ reference }) => sameImage(named, reference))
  if (exact) return ofVolume(exact)
  const resembles = (image: string): boolean => sameElsewhere(named, image) || isCut(message, named, image)
  const [first, ...others] = volumes.filter(({ reference }) => resembles(reference))
  if (resembles(own)) return first ? { image: named, imageSource: { kind: 'Unknown' } } : { image: own }
  return first && others.length === 0 ? ofVolume(first) : { image: named, imageSource: { kind: 'Unknown' } }
}

import { createHash } from 'node:crypto'
import type { Container, Pod } from '../api/kubernetes.ts'
import { readOriginals } from '../api/original-images.ts'

/**
 * Hash of a pod's containers and the images that they were made with. An image that was rewritten in the pod itself
 * counts as it was before, or a pod would fail as another revision than the one that it was mended of.
 */
const hashOfImages = ({ metadata, spec }: Pod): string => {
  const originals = readOriginals(metadata.annotations)
  const imagesOf = (containers: readonly Container[] = []) =>
    containers.map(({ name, image }) => [name, originals[name] ?? image ?? ''])
  const made = JSON.stringify([imagesOf(spec?.initContainers), imagesOf(spec?.containers)])
  return createHash('sha256').update(made).digest('hex').slice(0, 16)
}

/**
 * Revision of the template that a pod was made from: the hash of a Deployment's, StatefulSet's or DaemonSet's; of owners
 * that mark no revision on their pods (Job, ReplicaSet) one of its images, so that each Job of the same broken CronJob
 * is the same incident; of a pod that nothing owns its uid.
 */
export const templateHashOf = (pod: Pod): string => {
  const { labels, ownerReferences, uid } = pod.metadata
  const marked = labels?.['pod-template-hash'] ?? labels?.['controller-revision-hash']
  if (marked !== undefined) return marked
  return ownerReferences?.some(({ controller }) => controller === true) ? hashOfImages(pod) : uid
}

import { areaOfFinding, type IncidentArea, isNodeCause } from '../model/causes.ts'
import { sameImage } from '../model/image-reference.ts'
import { type FailingPod, type Incident, incidentKey, type Owner } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { evidenceOfOwner, evidenceOfPods } from './evidence.ts'
import { templateHashOf } from './owner/owner.ts'

export interface IncidentParts {
  readonly owner: Owner
  readonly area: IncidentArea
  readonly pods: readonly FailingPod[]
  /** Revision to use if no pod fails any more (a remedy is being verified). */
  readonly templateHash?: string
}

/** A node has no revisions: each of its incidents by one cause is the same. */
const NODE_REVISION = 'node'

const createdAt = ({ pod }: FailingPod): string => pod.metadata.creationTimestamp ?? ''

/** Whether a pod has the images that its owner's template has now. */
const isOfTemplate = ({ containers, initContainers }: Owner, { spec }: Pod): boolean => {
  const own = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  return [...initContainers, ...containers].every(({ name, image = '' }) =>
    own.some((container) => container.name === name && sameImage(container.image ?? '', image)),
  )
}

/**
 * One owner's failing pods in one area as an incident. First those with the images of the template, for a rollout that
 * was taken back leaves newer ones standing; then the newest, for older ones may be left of an attempt before. The revision
 * that fails is that of the first. Pods without a finding in this area are left out.
 */
export const buildIncident = ({ owner, area, pods, templateHash }: IncidentParts): Incident => {
  const failing = pods
    .filter(({ findings }) => findings.some((finding) => areaOfFinding(finding) === area))
    .toSorted(
      (a, b) =>
        Number(isOfTemplate(owner, b.pod)) - Number(isOfTemplate(owner, a.pod)) ||
        createdAt(b).localeCompare(createdAt(a)) ||
        a.pod.metadata.uid.localeCompare(b.pod.metadata.uid),
    )
  const first = failing[0]
  return {
    key: incidentKey(owner.ref, area),
    area,
    owner,
    pods: failing,
    templateHash: isNodeCause(area)
      ? NODE_REVISION
      : first === undefined
        ? (templateHash ?? '')
        : templateHashOf(first.pod),
    evidence: [...evidenceOfPods(failing, area), ...evidenceOfOwner(owner)],
  }
}

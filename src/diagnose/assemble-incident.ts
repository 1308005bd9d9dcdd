import type { Area } from '../api/causes.ts'
import { incidentKey } from '../api/incident-id.ts'
import { evidenceOfOwner, evidenceOfPods } from './evidence.ts'
import { areaOfFinding } from './findings.ts'
import type { FailingPod, Incident, Owner } from './incident.ts'
import { templateHashOf } from './owner-revision.ts'

export interface Parts {
  readonly owner: Owner
  readonly area: Area
  readonly pods: readonly FailingPod[]
  /** Revision to speak of where no pod fails any more (a remedy's proof is awaited). */
  readonly templateHash?: string
}

const createdAt = ({ pod }: FailingPod): string => pod.metadata.creationTimestamp ?? ''

/**
 * One owner's failing pods in one area as an incident. Newest pods first: the revision that fails is that of the newest
 * one, for older ones may be left of an attempt before. Pods without a finding in this area are left out.
 */
export const assembleIncident = ({ owner, area, pods, templateHash }: Parts): Incident => {
  const failing = pods
    .filter(({ findings }) => findings.some((finding) => areaOfFinding(finding) === area))
    .toSorted(
      (a, b) => createdAt(b).localeCompare(createdAt(a)) || a.pod.metadata.uid.localeCompare(b.pod.metadata.uid),
    )
  const newest = failing[0]
  return {
    key: incidentKey(owner.ref.uid, area),
    area,
    owner,
    pods: failing,
    templateHash: newest === undefined ? (templateHash ?? '') : templateHashOf(newest.pod),
    evidence: [...evidenceOfPods(failing, area), ...evidenceOfOwner(owner)],
  }
}

/** Builds the incident of an owner: its failing pods, and what their status, their Events and their owner say. */
import type { Evidence } from '../api/remediation.ts'
import { areaOfFinding, type IncidentArea, isNodeCause } from '../model/causes.ts'
import { sameImage } from '../model/image-reference.ts'
import { type FailingPod, type Finding, type Incident, incidentKey, type Owner } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { isNodeItself } from '../model/pod.ts'
import { clip } from '../model/printable.ts'
import { isNodeRef } from './node/facts.ts'
import { templateHashOf } from './owner/owner.ts'

interface IncidentParts {
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

// The evidence.

/** What the schema of a Remediation admits. */
const MAX_MESSAGE = 2_048
export const MAX_EVIDENCE = 64
/** Pods items of one by one; of the others, how many they are. */
const MAX_LISTED = 4

export const evidence = (fact: string, message: string): Evidence => ({
  fact,
  message: clip(message, MAX_MESSAGE),
})

const describeContainer = ({ container, init }: Finding): string =>
  container === '' ? '' : `, ${init ? 'init container' : 'container'} ${container}`

const describeImage = ({ image, imageSource }: Finding): string => {
  switch (imageSource?.kind) {
    case 'Volume':
      return ` for image volume ${imageSource.volume} (${image})`
    case 'Unknown':
      return ` for image ${image}, which is not the container's own,`
    case undefined:
      return ` with image ${image}`
  }
}

const describeFinding = (pod: Pod, finding: Finding): Evidence => {
  const { name } = pod.metadata
  const { cause, row, message, image, source } = finding
  const kind = `${cause}${row === undefined ? '' : ` (row ${row})`}`
  if (source === 'event') {
    if (isNodeItself(pod))
      return evidence('NodeStatus', `the kubelet on node ${name} has stopped reporting: "${message}"`)
    return evidence(
      'Event',
      `an Event about pod ${name}${describeContainer(finding)} reports: "${message}", classified as ${kind}`,
    )
  }
  if (isNodeItself(pod)) return evidence('NodeStatus', `node ${name} reports: "${message}", classified as ${kind}`)
  const what = image === '' ? '' : describeImage(finding)
  return evidence(
    'PodStatus',
    `pod ${name}${describeContainer(finding)}${what} is waiting: "${message}", classified as ${kind}`,
  )
}

/** How many pods fail, by what each of them reports first. */
const describeCount = (pods: readonly FailingPod[], area: IncidentArea): readonly Evidence[] => {
  const counts = new Map<string, number>()
  for (const { pod, findings } of pods) {
    const cause = findings.find((finding) => areaOfFinding(finding) === area)?.cause
    if (!isNodeItself(pod) && cause !== undefined) counts.set(cause, (counts.get(cause) ?? 0) + 1)
  }
  const failing = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (failing < 2) return []
  const whose = isNodeCause(area) ? 'on the node' : 'of the owner'
  if (counts.size === 1) return [evidence('PodStatus', `${failing} pods ${whose} fail the same way`)]
  const each = [...counts].map(([cause, count]) => `${count} with ${cause}`)
  return [evidence('PodStatus', `${failing} pods ${whose} fail: ${each.join(', ')}`)]
}

/** What the pods' status and Events say, each different failure once, status before Events. */
const evidenceOfPods = (pods: readonly FailingPod[], area: IncidentArea): readonly Evidence[] => {
  const seen = new Set<string>()
  const items: { readonly event: boolean; readonly line: Evidence }[] = []
  for (const { pod, findings } of pods) {
    for (const finding of findings) {
      if (areaOfFinding(finding) !== area) continue
      const key = JSON.stringify([finding.container, finding.image, finding.cause, finding.source])
      if (seen.has(key)) continue
      seen.add(key)
      items.push({ event: finding.source === 'event', line: describeFinding(pod, finding) })
    }
  }
  const lines = [...items.filter(({ event }) => !event), ...items.filter(({ event }) => event)].map(({ line }) => line)
  const more = describeCount(pods, area)
  return [...lines.slice(0, MAX_LISTED * 2), ...more]
}

/** Who owns the pods, whether it can be changed, and which tools would revert that. */
const evidenceOfOwner = ({ ref, support, why, managers, templateFixed, blocked }: Owner): readonly Evidence[] => {
  if (isNodeRef(ref)) return [evidence('Owner', `the failure is on node ${ref.name}, whichever workloads own the pods`)]
  const name = `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`
  const whose = ref.kind === 'Pod' ? 'the pod has no owner' : `the pods belong to ${name}`
  return [
    evidence('Owner', support === 'supported' ? whose : `${whose}; it is not changed: ${why ?? 'its kind is unknown'}`),
    ...managers.map(({ name: manager, seenBy, writesBack }) =>
      evidence('Owner', `${manager} manages it (${seenBy})${writesBack ? ' and reverts changes to it' : ''}`),
    ),
    ...(templateFixed
      ? [evidence('Owner', `the template of ${name} is immutable; the images of its pods can be changed`)]
      : []),
    ...(blocked === undefined ? [] : [evidence('Owner', blocked)]),
  ]
}

import type { Evidence } from '../api/remediation.ts'
import { type IncidentArea, isNodeCause } from '../model/causes.ts'
import type { FailingPod, Finding, Owner } from '../model/incident.ts'
import { isNodeItself, type Pod } from '../model/kubernetes.ts'
import { isNodeRef } from './node/facts.ts'
import { areaOfFinding } from './pod/findings.ts'

/** What the schema of a Remediation admits. */
const MAX_SAYS = 2_048
export const MAX_EVIDENCE = 64
/** Pods told of one by one; of the others, how many they are. */
const MAX_TOLD = 4

export const evidence = (fact: string, says: string): Evidence => ({
  fact,
  says: says.length > MAX_SAYS ? `${says.slice(0, MAX_SAYS - 1)}…` : says,
})

const placeOf = ({ container, init }: Finding): string =>
  container === '' ? 'it' : `${init ? 'init container' : 'container'} ${container}`

const sayImage = ({ image, imageSource }: Finding): string => {
  switch (imageSource?.kind) {
    case 'Volume':
      return ` for image volume ${imageSource.volume} (${image})`
    case 'Unknown':
      return ` for image ${image}, which is not its own,`
    case undefined:
      return ` with image ${image}`
  }
}

const ofFinding = (pod: Pod, finding: Finding): Evidence => {
  const { name } = pod.metadata
  const { cause, row, message, image, source } = finding
  const kind = `${cause}${row === undefined ? '' : ` (row ${row})`}`
  if (source === 'event') {
    if (isNodeItself(pod)) return evidence('NodeStatus', `the kubelet of node ${name} is silent: "${message}"`)
    return evidence('Event', `an Event says of pod ${name}, ${placeOf(finding)}: "${message}"; by its words ${kind}`)
  }
  if (isNodeItself(pod))
    return evidence('NodeStatus', `node ${name} says of itself: "${message}"; by its words ${kind}`)
  const what = image === '' ? '' : sayImage(finding)
  return evidence('PodStatus', `pod ${name}, ${placeOf(finding)}${what} waits: "${message}"; by its words ${kind}`)
}

/** What the pods' status and Events say, each different failure once, status before Events. */
export const evidenceOfPods = (pods: readonly FailingPod[], area: IncidentArea): readonly Evidence[] => {
  const seen = new Set<string>()
  const told: { readonly event: boolean; readonly line: Evidence }[] = []
  for (const { pod, findings } of pods) {
    for (const finding of findings) {
      if (areaOfFinding(finding) !== area) continue
      const key = JSON.stringify([finding.container, finding.image, finding.cause, finding.source])
      if (seen.has(key)) continue
      seen.add(key)
      told.push({ event: finding.source === 'event', line: ofFinding(pod, finding) })
    }
  }
  const lines = [...told.filter(({ event }) => !event), ...told.filter(({ event }) => event)].map(({ line }) => line)
  const failing = pods.filter(({ pod }) => !isNodeItself(pod)).length
  const whose = isNodeCause(area) ? 'on the node' : 'of the owner'
  const more = failing > 1 ? [evidence('PodStatus', `${failing} pods ${whose} fail this way`)] : []
  return [...lines.slice(0, MAX_TOLD * 2), ...more]
}

/** Who owns the pods, whether it can be written to, and who would write it back. */
export const evidenceOfOwner = ({
  ref,
  support,
  why,
  managers,
  templateFixed,
  blocked,
}: Owner): readonly Evidence[] => {
  if (isNodeRef(ref)) return [evidence('Owner', `it lies with node ${ref.name}, whatever owns the pods`)]
  const name = `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`
  const whose = ref.kind === 'Pod' ? 'nothing owns the pod' : `the pods belong to ${name}`
  return [
    evidence(
      'Owner',
      support === 'supported' ? whose : `${whose}; it is not touched: ${why ?? 'it is of an unknown kind'}`,
    ),
    ...managers.map(({ name: manager, seenBy, writesBack }) =>
      evidence('Owner', `${manager} manages it (${seenBy})${writesBack ? ' and writes it back' : ''}`),
    ),
    ...(templateFixed
      ? [evidence('Owner', `the template of ${name} cannot be changed; the images of its pods can`)]
      : []),
    ...(blocked === undefined ? [] : [evidence('Owner', blocked)]),
  ]
}

import type { IncidentArea } from '../api/causes.ts'
import type { Evidence } from '../api/remediation.ts'
import { areaOfFinding } from './findings.ts'
import type { FailingPod, Finding, Owner } from './incident.ts'

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

const ofFinding = (podName: string, finding: Finding): Evidence => {
  const { cause, row, message, image, witness } = finding
  const kind = `${cause}${row === undefined ? '' : ` (row ${row})`}`
  if (witness === 'event') {
    return evidence('Event', `an Event says of pod ${podName}, ${placeOf(finding)}: "${message}"; by its words ${kind}`)
  }
  const what = image === '' ? '' : ` with image ${image}`
  return evidence('PodStatus', `pod ${podName}, ${placeOf(finding)}${what} waits: "${message}"; by its words ${kind}`)
}

/** What the pods' status and Events say, each different failure once, status before Events. */
export const evidenceOfPods = (pods: readonly FailingPod[], area: IncidentArea): readonly Evidence[] => {
  const seen = new Set<string>()
  const told: { readonly event: boolean; readonly line: Evidence }[] = []
  for (const { pod, findings } of pods) {
    for (const finding of findings) {
      if (areaOfFinding(finding) !== area) continue
      const key = JSON.stringify([finding.container, finding.image, finding.cause, finding.witness])
      if (seen.has(key)) continue
      seen.add(key)
      told.push({ event: finding.witness === 'event', line: ofFinding(pod.metadata.name, finding) })
    }
  }
  const lines = [...told.filter(({ event }) => !event), ...told.filter(({ event }) => event)].map(({ line }) => line)
  const more = pods.length > 1 ? [evidence('PodStatus', `${pods.length} pods of the owner fail this way`)] : []
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

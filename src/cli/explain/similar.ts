/** What else fails in the same way: one broken image, or a registry that is down? Pure but for what `incidentsAround` reads. */
import type { Remediation } from '../../api/kinds.ts'
import type { KubeClient } from '../../kube/client.ts'
import { forbidden } from '../../kube/errors.ts'
import type { Incident } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { isOpen } from '../../model/remediation-state.ts'
import type { Target } from '../incident/report.ts'
import { failingOf, incidentsOf, type PodEvents, readSuspects } from '../snapshot/failing-pods.ts'

/** Maximum number of pods of a namespace whose owners are read. */
const MAX_PODS = 200

interface Around {
  readonly namespace: string
  readonly events: PodEvents
  readonly now: number
  /** Those that are asked for: their owners are read already. */
  readonly but: readonly Pod[]
}

/** What else fails in a namespace; nothing where its pods may not be listed. */
export const incidentsAround = async (
  client: Pick<KubeClient, 'get' | 'list'>,
  { namespace, events, now, but }: Around,
): Promise<readonly Incident[]> => {
  const suspects = await readSuspects(client, namespace, events).catch((error: unknown) => {
    if (!forbidden(error)) throw error
    return []
  })
  const asked = new Set(but.map(({ metadata }) => metadata.uid))
  const others = suspects.filter(({ metadata }) => !asked.has(metadata.uid)).slice(0, MAX_PODS)
  return incidentsOf(failingOf(others, events, now), client)
}

const causesIn = ({ pods }: Incident): ReadonlySet<string> =>
  new Set(pods.flatMap(({ findings }) => findings.map(({ cause }) => cause)))

/**
 * Others that fail in the same way: by the words of their pods in the same namespace, by their open records everywhere.
 * Each once, by name.
 */
export const similarTo = (
  incident: Incident,
  cause: string,
  around: readonly Incident[],
  records: readonly Remediation[],
): readonly Target[] => {
  const mine = incident.owner.ref.uid
  const causes = causesIn(incident)
  const seen = around
    .filter((other) => [...causesIn(other)].some((one) => causes.has(one)))
    .map(({ owner }) => owner.ref)
  const recorded = records
    .filter((record) => isOpen(record) && (record.status?.cause ?? record.spec.cause) === cause)
    .map(({ spec }) => spec.target)
  const byUid = new Map(
    [...seen, ...recorded]
      .filter(({ uid }) => uid !== mine)
      .map(({ uid, kind, namespace, name }) => [uid, { kind, ...(namespace !== undefined && { namespace }), name }]),
  )
  const nameOf = ({ kind, namespace = '', name }: Target): string => `${namespace}/${name} ${kind}`
  return [...byUid.values()].toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
}

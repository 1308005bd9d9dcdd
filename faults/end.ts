/** The end of a run, without times and names that differ between runs. */
import type { Remediation, RemediationPolicy } from '../src/api/kinds.ts'
import { pathOf } from '../src/kube/paths.ts'
import { NODE_CAUSES } from '../src/model/causes.ts'
import type { Node, Pod, Workload as Owner } from '../src/model/kubernetes.ts'
import { FLAG_PREFIX } from '../src/model/names.ts'
import type { Place } from './cluster.ts'

export interface EndedRecord {
  readonly phase: string
  readonly reason: string
  readonly isFinished: boolean
  readonly attempts: number
  /** `RewriteImage Succeeded`; proposals are left out. */
  readonly steps: readonly string[]
}

export interface End {
  /** Containers and their images in the workload's template; undefined when it is gone. */
  readonly images: readonly string[] | undefined
  /** The annotation that undo reads. */
  readonly original: string | undefined
  /** Image and phase of each pod. */
  readonly pods: readonly string[]
  readonly records: readonly EndedRecord[]
  /** Flags of the run's own node: labels, taints, conditions. */
  readonly flags: readonly string[]
  /** Of each policy: attempts that count, remediations that succeeded. */
  readonly policies: readonly string[]
}

const endedRecord = ({ status }: Remediation): EndedRecord => ({
  phase: status?.phase ?? '',
  reason: status?.reason ?? '',
  isFinished: status?.finishedAt !== undefined,
  attempts: status?.attempts?.length ?? 0,
  steps: (status?.steps ?? [])
    .filter(({ state }) => state !== 'Planned')
    .map(({ action, state }) => `${action} ${state}`),
})

const readyOf = ({ status }: Pod): string =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ? 'ready' : 'not ready'

const flagsOf = ({ metadata, spec, status }: Node): readonly string[] => [
  ...Object.entries(metadata.labels ?? {}).flatMap(([key, value]) =>
    key.startsWith(FLAG_PREFIX) ? [`label ${key}=${value}`] : [],
  ),
  ...(spec?.taints ?? []).flatMap(({ key, value }) => (key.startsWith(FLAG_PREFIX) ? [`taint ${key}=${value}`] : [])),
  ...(status?.conditions ?? []).flatMap(({ type, status: is, reason }) =>
    NODE_CAUSES.some((cause) => cause === type) ? [`condition ${type} ${is} ${reason}`] : [],
  ),
]

const templateOf = (owner: Owner | undefined) => owner?.spec?.jobTemplate?.spec?.template ?? owner?.spec?.template

export const readEnd = async ({ cluster, namespace, lane }: Place, kind: string): Promise<End> => {
  const list = async <T>(path: string): Promise<T[]> => (await cluster.api.call<{ items: T[] }>('GET', path)).items
  const label = `labelSelector=${encodeURIComponent(`faults.podmend.io/run=${namespace}`)}`
  const [owner, pods, records, nodeRecords, policies, nodes] = await Promise.all([
    cluster.api.call<Owner>('GET', pathOf({ kind, namespace, name: 'web' })).catch(() => undefined),
    list<Pod>(pathOf({ kind: 'Pod', namespace })),
    list<Remediation>(pathOf({ kind: 'Remediation', namespace })),
    list<Remediation>(pathOf({ kind: 'Remediation', namespace: lane.operator })),
    list<RemediationPolicy>(`${pathOf({ kind: 'RemediationPolicy' })}?${label}`),
    list<Node>(`${pathOf({ kind: 'Node' })}?${label}`),
  ])
  return {
    images: templateOf(owner)?.spec?.containers?.map(({ image }) => image ?? ''),
    original: owner?.metadata.annotations?.['podmend.io/original-image'],
    pods: pods
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((pod) => `${pod.spec?.containers?.[0]?.image} ${readyOf(pod)}`)
      .toSorted(),
    records: [...records, ...nodeRecords]
      .toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))
      .map(endedRecord),
    flags: nodes.flatMap(flagsOf).toSorted(),
    policies: policies
      .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))
      .map(({ status }) => `${status?.attempts?.length ?? 0} attempts, ${status?.succeeded ?? 0} succeeded`),
  }
}

/** The parts in which two ends differ, for people. */
export const differences = (wanted: End, found: End): string =>
  (Object.keys(wanted) as (keyof End)[])
    .filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(found[key]))
    .map((key) => `${key}: ${JSON.stringify(found[key])}, without the fault ${JSON.stringify(wanted[key])}`)
    .join('; ')

export const sameEnd = (wanted: End, found: End): boolean => differences(wanted, found) === ''

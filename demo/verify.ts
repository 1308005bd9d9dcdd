/** Checks that the demo ended as expected. Pure: takes the state before and after, returns every problem. */
import { isDeepStrictEqual } from 'node:util'
import type { Remediation } from '../src/api/kinds.ts'
import type { Workload } from '../src/model/kubernetes.ts'
import { isBookkeeping, type Write } from '../testbed/audit.ts'
import type { Member, Repair } from './fixture.ts'

export interface Outcome {
  readonly repaired: readonly Repair[]
  readonly leftAlone: readonly Member[]
  /** All Deployments of the cluster, after each had failed and before the policy was set to Enforce. */
  readonly before: readonly Workload[]
  readonly after: readonly Workload[]
  readonly records: readonly Remediation[]
  /** The controller's writes, from the audit log. */
  readonly writes: readonly Write[]
}

interface Explained {
  readonly kind: string
  readonly image?: string | undefined
}

export const placeOf = ({ metadata: { namespace, name } }: Pick<Workload, 'metadata'>): string => `${namespace}/${name}`

export const recordOf = (records: readonly Remediation[], place: string): Remediation | undefined =>
  records.find(({ metadata, spec }) => `${metadata.namespace}/${spec.target.name}` === place)

const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** The spec with one image replaced wherever it occurs, like a one-line edit by hand. */
const edited = (spec: Workload['spec'], from: string, to: string): unknown =>
  JSON.parse(JSON.stringify(spec), (key, value: unknown) => (key === 'image' && value === from ? to : value))

const problemsWithRepair = (
  { place, image, becomes }: Repair,
  { before, after, records }: Pick<Outcome, 'before' | 'after' | 'records'>,
): string[] => {
  const [old, now] = [before, after].map((all) => all.find((each) => placeOf(each) === place))
  if (!old || !now) return [`${place} is gone`]
  const record = recordOf(records, place)
  const phase = record?.status?.phase
  return [
    ...(isDeepStrictEqual(asJson(now.spec), edited(old.spec, image, becomes))
      ? []
      : [`the spec of ${place} is not the spec before with image ${becomes}`]),
    ...(now.metadata.generation === (old.metadata.generation ?? 0) + 1
      ? []
      : [`${place} was changed ${(now.metadata.generation ?? 0) - (old.metadata.generation ?? 0)} times, not once`]),
    ...((now.status?.readyReplicas ?? 0) >= (now.spec?.replicas ?? 1) ? [] : [`${place} has no ready pod`]),
    ...(phase === 'Succeeded' ? [] : [`the record of ${place} is ${phase ?? 'missing'}, not Succeeded`]),
  ]
}

const problemsWithRest = ({ repaired, before, after }: Outcome): string[] => {
  const rest = (all: readonly Workload[]) => new Map(all.map((each) => [placeOf(each), each]))
  const [old, now] = [rest(before), rest(after)]
  const places = [...new Set([...old.keys(), ...now.keys()])].filter((each) =>
    repaired.every(({ place }) => place !== each),
  )
  return places.flatMap((place) => {
    const [was, is] = [old.get(place), now.get(place)]
    if (!was || !is) return [`${place} ${was ? 'is gone' : 'is new'}`]
    const differing = (['uid', 'generation', 'resourceVersion'] as const).filter(
      (field) => was.metadata[field] !== is.metadata[field],
    )
    const spec = isDeepStrictEqual(was.spec, is.spec) ? [] : ['spec']
    const fields = [...differing, ...spec]
    return fields.length === 0 ? [] : [`${place} must not change, but differs in ${fields.join(', ')}`]
  })
}

const problemsWithRecords = ({ leftAlone, records }: Outcome): string[] =>
  leftAlone.flatMap(({ place, reason, explained }) => {
    const status = recordOf(records, place)?.status
    if (!status) return [`no record says why ${place} is not repaired`]
    return [
      ...(status.reason === reason ? [] : [`the record of ${place} has reason ${status.reason}, not ${reason}`]),
      ...((status.attempts ?? []).length === 0 ? [] : [`a remedy was attempted on ${place}`]),
      ...problemsWithExplanation(place, explained, status.explanations?.[0]),
    ]
  })

const explanationText = ({ kind, image }: Explained): string => (image === undefined ? kind : `${kind} ${image}`)

const problemsWithExplanation = (
  place: string,
  wanted: Explained | undefined,
  got: Explained | undefined,
): string[] => {
  if (wanted === undefined) return []
  const [expected, found] = [explanationText(wanted), got ? explanationText(got) : 'nothing']
  return expected === found ? [] : [`${place} is explained by ${found}, not by ${expected}`]
}

const problemsWithWrites = ({ repaired, writes }: Outcome): string[] => {
  const others = writes.filter((write) => !isBookkeeping(write) && !write.dryRun)
  const isRepairOf =
    (place: string) =>
    ({ verb, resource, object, status }: Write): boolean =>
      verb === 'patch' && resource === 'deployments.apps' && object === place && status === 200
  const counts = repaired.map(({ place }) => [place, others.filter(isRepairOf(place)).length] as const)
  return [
    ...counts
      .filter(([, count]) => count !== 1)
      .map(([place, count]) => `${place} was patched ${count} times, not once`),
    ...others
      .filter((write) => !repaired.some(({ place }) => isRepairOf(place)(write)))
      .map(({ verb, resource, object, status }) => `the controller sent ${verb} ${resource} ${object} (${status})`),
  ]
}

/** Why the demo must not exit with status 0; empty if everything is as expected. */
export const problemsIn = (outcome: Outcome): string[] => [
  ...outcome.repaired.flatMap((repair) => problemsWithRepair(repair, outcome)),
  ...problemsWithRest(outcome),
  ...problemsWithRecords(outcome),
  ...problemsWithWrites(outcome),
]

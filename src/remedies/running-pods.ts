/** Verifies that pods run the new images. A pod that is merely gone is not a success. */
import { askFor, type DecisionInput, LATER } from '../model/decision-input.ts'
import { parseTime } from '../model/duration.ts'
import { sameImage } from '../model/image-reference.ts'
import type { Owner } from '../model/incident.ts'
import type { ContainerStatus, Pod } from '../model/kubernetes.ts'
import { type InProgress, podsOf } from '../model/remediation-state.ts'
import { imageIn, isLeaving, type Named, nameOfOwner, statusIn } from './pod-template.ts'
import type { Progress } from './remedy.ts'

/** Result from all pods of the owner. */
export const withOwnersPods = (
  c: DecisionInput,
  inProgress: InProgress,
  judge: (pods: readonly Pod[]) => Progress,
): Progress => {
  const ask = askFor(c.facts, [podsOf(inProgress)])
  if (ask) return ask
  const { pods } = c.facts
  if (pods?.known) return judge(pods.value)
  return { waits: `the pods cannot be read: ${pods?.why ?? 'not read'}`, nextCheckAt: c.now + LATER }
}

/** All run, the newest since `since` (ms since the epoch); or a sentence on what is missing. */
export type Started = { readonly since: number } | { readonly lacks: string }

/** Whether the containers of an owner run, as progress. */
export const running = (owner: Owner, started: Started): Progress =>
  'lacks' in started
    ? started
    : {
        ...started,
        recovered: `all containers of ${nameOfOwner(owner)} have been running`,
        unstable: 'the containers start but do not keep running',
      }

/** A successful init container counts as running; so does a container that is not restarted, as in pods of Jobs. */
const endedWell = (pod: Pod, { init }: Named, status: ContainerStatus): boolean =>
  status.state?.terminated?.exitCode === 0 &&
  (init || pod.status?.phase === 'Succeeded' || ['Never', 'OnFailure'].includes(pod.spec?.restartPolicy ?? ''))

const startOf = (pod: Pod, named: Named): Started => {
  const status = statusIn(pod, named)
  if (status && endedWell(pod, named, status)) return { since: Number.NEGATIVE_INFINITY }
  const since = status?.started === false ? undefined : parseTime(status?.state?.running?.startedAt)
  if (since !== undefined) return { since }
  const { waiting, terminated } = status?.state ?? {}
  const why = waiting?.reason ?? terminated?.reason ?? 'it has not started'
  return { lacks: `${named.container} of pod ${pod.metadata.name}: ${why}` }
}

/**
 * Whether at least `desired` pods exist, and at least one is scheduled and all scheduled ones run the containers.
 * A restarted container counts from its last start.
 */
export const allStarted = (
  pods: readonly Pod[],
  desired: number,
  containersOf: (pod: Pod) => readonly Named[],
): Started => {
  if (pods.length < desired) return { lacks: `${pods.length} of ${desired} pods are there` }
  const scheduled = pods.filter(({ spec }) => spec?.nodeName)
  if (scheduled.length === 0) return { lacks: 'no pod has a node yet' }
  const starts = scheduled.flatMap((pod) => containersOf(pod).map((named) => startOf(pod, named)))
  const lacking = starts.find((start) => 'lacks' in start)
  return lacking ?? { since: Math.max(...starts.map((start) => ('since' in start ? start.since : 0))) }
}

interface Change extends Named {
  readonly from: string
  readonly to: string
}

/**
 * Pods of the current revision have and run every new image, and no broken pod of the old revision is left. Healthy old
 * pods that stay (`keepsHealthy`) reduce the number of new ones that are expected.
 */
export const runNewImages = (
  all: readonly Pod[],
  desired: number,
  changes: readonly Change[],
  keepsHealthy = false,
): Started => {
  const pods = all.filter((pod) => !isLeaving(pod))
  const has = (pod: Pod, change: Change, image: string): boolean => sameImage(imageIn(pod, change) ?? '', image)
  const current = pods.filter((pod) => changes.every((change) => has(pod, change, change.to)))
  const ofBefore = pods.filter((pod) => changes.some((change) => has(pod, change, change.from)))
  const isBroken = (pod: Pod): boolean =>
    changes.some((change) => has(pod, change, change.from) && 'lacks' in startOf(pod, change))
  const healthy = keepsHealthy ? ofBefore.filter((pod) => !isBroken(pod)).length : 0
  const started = allStarted(current, desired - healthy, () => changes)
  if ('lacks' in started) return started
  const broken = ofBefore.find(isBroken)
  return broken ? { lacks: `pod ${broken.metadata.name} of the old revision is still broken` } : started
}

/** The recycled pods are gone, and their replacements run all their containers. */
export const replacementsRun = (all: readonly Pod[], desired: number, recycled: ReadonlySet<string>): Started => {
  const left = all.find(({ metadata }) => recycled.has(metadata.uid))
  if (left) return { lacks: `pod ${left.metadata.name} still exists` }
  const named = (list: readonly { readonly name: string }[] | undefined, init: boolean): readonly Named[] =>
    (list ?? []).map(({ name }) => ({ container: name, init }))
  return allStarted(
    all.filter((pod) => !isLeaving(pod)),
    desired,
    ({ spec }) => [...named(spec?.initContainers, true), ...named(spec?.containers, false)],
  )
}

import { classify } from '../../catalogue/classify.ts'
import { MAX_MESSAGE } from '../../catalogue/normal-form.ts'
import { areaOf } from '../../model/causes.ts'
import type { Finding } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { WarningEvent } from '../../watch/pod-cache.ts'

/** The kubelet retries a sandbox or a mount within two minutes; a much older Event is history. */
const STALE_MS = 15 * 60_000

/**
 * The pod has no sandbox with a network, as the kubelet reports. One that lost it after it ran shows its containers as
 * ended, not as waiting, and stays in phase Running while every new sandbox fails.
 */
const hasNoSandbox = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'PodReadyToStartContainers' && is === 'False') ?? false

/**
 * Waiting for the sandbox or for volumes. The kubelet says `ContainerCreating` then, but `PodInitializing` where there are
 * init containers, which it also says of those that wait for an init container that runs.
 */
const isWaitingToStart = (pod: Pod): boolean => {
  if (!pod.spec?.nodeName) return false
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  if (hasNoSandbox(pod) && statuses.every(({ state }) => state?.running === undefined)) return true
  if (statuses.length === 0) return (pod.status?.phase ?? 'Pending') === 'Pending'
  const waits = (reason: string) => statuses.some(({ state }) => state?.waiting?.reason === reason)
  const initialising = pod.status?.initContainerStatuses?.some(({ state }) => state?.running !== undefined) ?? false
  return waits('ContainerCreating') || (waits('PodInitializing') && !initialising)
}

/**
 * What holds up a whole pod: its sandbox or its volumes. The status says no more than `ContainerCreating`, so only
 * Events have details, and the source is `event`. At most one finding per area, from the newest Event.
 */
export const findPodWideFailures = (pod: Pod, events: readonly WarningEvent[], now: number): readonly Finding[] => {
  if (!isWaitingToStart(pod)) return []
  const found = new Map<string, Finding>()
  for (const event of events.toSorted((a, b) => b.lastSeen - a.lastSeen)) {
    if (now - event.lastSeen > STALE_MS || event.container !== undefined) continue
    const { cause, row } = classify(event)
    const area = areaOf(cause)
    if ((area !== 'sandbox' && area !== 'volume') || found.has(area)) continue
    found.set(area, {
      container: '',
      init: false,
      image: '',
      cause,
      ...(row !== undefined && { row }),
      message: event.message.slice(0, MAX_MESSAGE),
      source: 'event',
      possibleCauses: [],
    })
  }
  return [...found.values()]
}

/** The container that Events are matched with. */
export interface FailingContainer {
  readonly container: string
  readonly image: string
  /** Whether it is the only failing container of the pod: then an Event that names none is about it. */
  readonly onlyFailing: boolean
}

const quotesImage = (message: string, image: string): boolean =>
  image !== '' && (message.includes(`"${image}"`) || message.includes(`\\"${image}\\"`))

/** Events of a pod about this container, newest first. An Event that quotes another image is about another container. */
export const eventsFor = (
  { container, image, onlyFailing }: FailingContainer,
  events: readonly WarningEvent[],
): readonly WarningEvent[] =>
  events
    .filter((event) => {
      if (event.container !== undefined) return event.container === container
      return quotesImage(event.message, image) || (onlyFailing && !/image \\?"/.test(event.message))
    })
    .toSorted((a, b) => b.lastSeen - a.lastSeen)

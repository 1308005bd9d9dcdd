/**
 * Why a pod fails, by its status and its Events: each container that waits, with the image that fails, and what holds up the
 * whole pod.
 */
import {
  causeOfReason,
  classify,
  classifyStatus,
  imageInMessage,
  isRuntimesMessage,
  stageOf,
} from '../../catalogue/classify.ts'
import { MAX_MESSAGE } from '../../catalogue/matcher.ts'
import { areaOf, possibleCausesBehindBackOff, possibleCausesOf } from '../../model/causes.ts'
import { parseTime } from '../../model/duration.ts'
import { normalImage, parseImage, sameImage } from '../../model/image-reference.ts'
import type { FailingPod, Finding } from '../../model/incident.ts'
import type { Container, ContainerStatus, Pod } from '../../model/kubernetes.ts'
import { clampTime, type WarningEvent } from '../../watch/pod-cache.ts'

// Which image fails. The kubelet shows the error of an image volume (KEP-4639) on the container that mounts it, so the
// container's own image may be well. What the kubelet's status message names is the one that fails.

/** A runtime may print a mirror's host, or prefix, in the place of the registry's: the path's last segments are the same. */
const sameElsewhere = (named: string, image: string): boolean => {
  const [a, b] = [parseImage(named), parseImage(image)]
  if (!a.ok || !b.ok) return false
  const [one, other] = [a.reference, b.reference]
  if (one.digest !== undefined && other.digest !== undefined) {
    if (one.digest !== other.digest) return false
  } else if (one.tag !== undefined && other.tag !== undefined && hasTag(named) && one.tag !== other.tag) return false
  const path = ({ repository }: typeof one): string => `/${repository.replace(/^library\//, '')}`
  return path(one).endsWith(path(other)) || path(other).endsWith(path(one))
}

/** Docker leaves the tag out where it denies a repository. */
const hasTag = (text: string): boolean => /:[^/]*$/.test(text.replace(/@.*$/, ''))

/** A message that was cut within the name. */
const isCut = (message: string, named: string, image: string): boolean =>
  message.replace(/(\.{3}|…)$/, '').endsWith(named) && (image.startsWith(named) || normalImage(image).startsWith(named))

interface Named {
  /** As the kubelet's message has it; undefined where it names none. */
  readonly named: string | undefined
  readonly message: string
  /** The container's own. */
  readonly own: string
}

/**
 * The failing image and, where it is not the container's own, whose it is. Without a name in the message it is the
 * container's own; a name that matches both, or neither, is of unknown source. Pure.
 */
export const failingImage = (pod: Pod, { named, message, own }: Named): Pick<Finding, 'image' | 'imageSource'> => {
  if (named === undefined || own === '' || sameImage(named, own)) return { image: own }
  const volumes = (pod.spec?.volumes ?? []).flatMap(({ name, image }) =>
    image?.reference ? [{ name, reference: image.reference }] : [],
  )
  const ofVolume = ({ name, reference }: (typeof volumes)[number]): Pick<Finding, 'image' | 'imageSource'> => ({
    image: reference,
    imageSource: { kind: 'Volume', volume: name },
  })
  const exact = volumes.find(({ reference }) => sameImage(named, reference))
  if (exact) return ofVolume(exact)
  const resembles = (image: string): boolean => sameElsewhere(named, image) || isCut(message, named, image)
  const [first, ...others] = volumes.filter(({ reference }) => resembles(reference))
  if (resembles(own)) return first ? { image: named, imageSource: { kind: 'Unknown' } } : { image: own }
  return first && others.length === 0 ? ofVolume(first) : { image: named, imageSource: { kind: 'Unknown' } }
}

// Each container.

/** Since 1.30 the kubelet repeats the last error behind its back-off: `Back-off pulling image "x": ErrImagePull: …`. */
const BACK_OFF = /^Back-off pulling image "[^"]*"(?:: (?:(?<reason>[A-Z]\w+): )?(?<message>[\s\S]*))?$/

interface KubeletMessage {
  readonly reason: string
  readonly message: string
}

/** The kubelet's message on why a container waits: the error behind a back-off or a crash if it has one. */
const kubeletMessageOf = ({ state, lastState }: ContainerStatus): KubeletMessage => {
  const reason = state?.waiting?.reason ?? ''
  const message = (state?.waiting?.message ?? '').slice(0, MAX_MESSAGE)
  if (reason === 'ImagePullBackOff') {
    const parsed = BACK_OFF.exec(message)?.groups
    if (parsed) return { reason: parsed['reason'] ?? reason, message: parsed['message'] ?? '' }
  }
  const died = lastState?.terminated
  if (reason === 'CrashLoopBackOff' && died?.message && isRuntimesMessage(died.reason)) {
    return { reason: died.reason ?? reason, message: died.message.slice(0, MAX_MESSAGE) }
  }
  return { reason, message }
}

interface Subject {
  readonly status: ContainerStatus
  readonly init: boolean
  readonly image: string
  readonly waiting: string
}

const subjectsOf = (pod: Pod): readonly Subject[] => {
  const failingIn = (statuses: readonly ContainerStatus[] = [], containers: readonly Container[] = [], init: boolean) =>
    statuses.flatMap((status): readonly Subject[] => {
      const waiting = status.state?.waiting?.reason ?? ''
      if (stageOf(waiting) === undefined) return []
      const image = containers.find(({ name }) => name === status.name)?.image ?? status.image ?? ''
      return [{ status, init, image, waiting }]
    })
  return [
    ...failingIn(pod.status?.initContainerStatuses, pod.spec?.initContainers, true),
    ...failingIn(pod.status?.containerStatuses, pod.spec?.containers, false),
  ]
}

/** By the kubelet's message in the status alone: anyone may write what an Event names. */
const failingImageOf = (pod: Pod, { status, image: own }: Subject) => {
  const message = (status.state?.waiting?.message ?? '').slice(0, MAX_MESSAGE)
  return failingImage(pod, { named: imageInMessage(message), message, own })
}

const imageFinding = (pod: Pod, subject: Subject, events: readonly WarningEvent[], onlyFailing: boolean): Finding => {
  const { status, init, waiting } = subject
  const failing = failingImageOf(pod, subject)
  const { image } = failing
  const base = { container: status.name, init, ...failing }
  const inArea = (reported: KubeletMessage) => {
    const { cause, row } = classify(reported)
    return areaOf(cause) === 'image' ? { cause, ...(row !== undefined && { row }) } : { cause: 'Unknown' as const }
  }
  const reported = kubeletMessageOf(status)
  const own = reported.message === '' ? { cause: 'Unknown' as const } : inArea(reported)
  if (own.cause !== 'Unknown' && own.cause !== 'BackOffOnly') {
    return {
      ...base,
      ...own,
      message: reported.message,
      source: 'kubelet',
      possibleCauses: possibleCausesOf(own.cause),
    }
  }
  const ofReason = causeOfReason(waiting) ?? 'Unknown'
  if (reported.message === '' || ofReason === 'BackOffOnly' || ofReason === 'Unknown') {
    for (const event of eventsFor({ container: status.name, image, onlyFailing }, events)) {
      const classified = inArea(event)
      if (classified.cause === 'Unknown' || classified.cause === 'BackOffOnly') continue
      const message = event.message.slice(0, MAX_MESSAGE)
      return {
        ...base,
        ...classified,
        message,
        source: 'event',
        possibleCauses: possibleCausesBehindBackOff(classified.cause),
      }
    }
  }
  const cause = own.cause === 'BackOffOnly' ? own.cause : ofReason
  const message = reported.message || status.state?.waiting?.message?.slice(0, MAX_MESSAGE) || waiting
  const possibleCauses = cause === 'Unknown' ? possibleCausesBehindBackOff(cause) : possibleCausesOf(cause)
  return { ...base, cause, message, source: 'kubelet', possibleCauses }
}

const containerFinding = ({ status, init, waiting }: Subject): Finding => {
  const reported = kubeletMessageOf(status)
  const { cause, row } = classifyStatus(reported)
  const killed = status.lastState?.terminated?.reason === 'OOMKilled' ? 'OOMKilled' : undefined
  const found = cause !== 'Unknown'
  return {
    container: status.name,
    init,
    image: '',
    cause: killed ?? (found ? cause : (causeOfReason(waiting) ?? 'Unknown')),
    ...(killed === undefined && found && row !== undefined && { row }),
    message: reported.message || waiting,
    source: 'kubelet',
    possibleCauses: [],
  }
}

/**
 * Why each container of a pod fails. The pod's status decides whether it does; Events only add detail, and a cause that
 * only an Event yields has the source `event`. Events are those of this very pod; the times that they claim are limited to
 * its life. Empty for a pod that does not fail, has finished, or is being deleted. Never throws.
 */
export const findFailures = (pod: Pod, claimed: readonly WarningEvent[], now: number): readonly Finding[] => {
  const phase = pod.status?.phase
  if (pod.metadata?.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed') return []
  const created = parseTime(pod.metadata?.creationTimestamp) ?? 0
  const events = claimed.map((event) => clampTime(event, created, now))
  const subjects = subjectsOf(pod)
  const failingImages = subjects.filter(({ waiting }) => stageOf(waiting) === 'image').length
  const found = subjects.map((subject) =>
    stageOf(subject.waiting) === 'image'
      ? imageFinding(pod, subject, events, failingImages === 1)
      : containerFinding(subject),
  )
  return [...found, ...findPodWideFailures(pod, events, now)]
}

/**
 * Since when a pod has been failing, ms since the epoch: when it stopped being ready, else when it started; `now` where it
 * has neither, or where the clock that wrote it was ahead.
 */
export const failingSince = (pod: Pod, now: number): number => {
  const turnedFalse = (type: string) =>
    pod.status?.conditions?.find((condition) => condition.type === type && condition.status === 'False')
      ?.lastTransitionTime
  const times = [
    turnedFalse('ContainersReady'),
    turnedFalse('Ready'),
    pod.status?.startTime,
    pod.metadata?.creationTimestamp,
  ]
  return Math.min(now, times.map(parseTime).find((at) => at !== undefined) ?? now)
}

/** A pod with its findings, and since when it fails. */
export const detectPodFailures = (pod: Pod, events: readonly WarningEvent[], now: number): FailingPod => ({
  pod,
  findings: findFailures(pod, events, now),
  since: failingSince(pod, now),
})

// The whole pod, and the Events of a container.

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
const findPodWideFailures = (pod: Pod, events: readonly WarningEvent[], now: number): readonly Finding[] => {
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
interface FailingContainer {
  readonly container: string
  readonly image: string
  /** Whether it is the only failing container of the pod: then an Event that names none is about it. */
  readonly onlyFailing: boolean
}

const quotesImage = (message: string, image: string): boolean =>
  image !== '' && (message.includes(`"${image}"`) || message.includes(`\\"${image}\\"`))

/** Events of a pod about this container, newest first. An Event that quotes another image is about another container. */
const eventsFor = (
  { container, image, onlyFailing }: FailingContainer,
  events: readonly WarningEvent[],
): readonly WarningEvent[] =>
  events
    .filter((event) => {
      if (event.container !== undefined) return event.container === container
      return quotesImage(event.message, image) || (onlyFailing && !/image \\?"/.test(event.message))
    })
    .toSorted((a, b) => b.lastSeen - a.lastSeen)

import { classify, imageInMessage } from '../../catalogue/classify.ts'
import { MAX_MESSAGE } from '../../catalogue/normal-form.ts'
import { causeOfReason, classifyStatus, isRuntimesMessage, stageOf } from '../../catalogue/status-reasons.ts'
import { areaOf, type IncidentArea, incidentAreaOf } from '../../model/causes.ts'
import { parseTime } from '../../model/duration.ts'
import type { FailingPod, Finding } from '../../model/incident.ts'
import type { Container, ContainerStatus, Pod } from '../../model/kubernetes.ts'
import { clampTime, type WarningEvent } from '../../watch/pod-cache.ts'
import { failingImage } from '../image/failing-image.ts'
import { eventsFor, findPodWideFailures } from './pod-wide.ts'
import { possibleCausesBehindBackOff, possibleCausesOf } from './possible-causes.ts'

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

/** The area a finding belongs to: that of its cause; where the cause is unknown, what was being done when it failed. */
export const areaOfFinding = ({ cause, image, container }: Finding): IncidentArea | undefined =>
  incidentAreaOf(cause) ?? (image !== '' ? 'image' : container !== '' ? 'container' : undefined)

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

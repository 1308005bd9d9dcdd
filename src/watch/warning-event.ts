import { parseTime } from '../model/duration.ts'
import type { KubeEvent } from '../model/kubernetes.ts'
import type { PodRef } from '../model/pod.ts'
import type { WarningEvent } from './pod-cache.ts'

/** core/v1 Events have no length limit on the server. */
const MAX_MESSAGE = 4_096

/** Our own Events report what we did; reacting to them would be a loop. */
const OURS = 'podmend'

const CONTAINER = /^spec\.(?:initContainers|containers|ephemeralContainers)\{([^}]{1,253})\}$/

/** Valid pod names, as in the API server. A pod with any other name cannot exist, so reading it would fail every time. */
const POD_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/

const time = (text: string | null | undefined): number => parseTime(text ?? undefined) ?? 0

/** Latest of an Event's four times, ms since the epoch; 0 if it has none. */
export const lastSeen = (event: KubeEvent): number =>
  Math.max(
    time(event.lastTimestamp),
    time(event.eventTime),
    time(event.series?.lastObservedTime),
    time(event.metadata.creationTimestamp),
  )

/**
 * The contents of a Warning Event about a pod; undefined for other Events and for our own. Do not trust the fields:
 * anyone who may create Events can write them.
 */
export const warningEventOf = (
  event: KubeEvent,
): { readonly ref: PodRef; readonly warning: WarningEvent } | undefined => {
  const { involvedObject: about, reason, message } = event
  if (about?.kind !== 'Pod' || !about.uid || !about.name || !about.namespace) return undefined
  if (!POD_NAME.test(about.name)) return undefined
  // An Event may only concern its own namespace; the server enforces this for core/v1, but we do not rely on it.
  if (about.namespace !== event.metadata.namespace) return undefined
  const reporter = event.reportingComponent || event.source?.component || ''
  if (reporter.startsWith(OURS) || typeof reason !== 'string' || typeof message !== 'string') return undefined
  const createdAt = parseTime(event.metadata.creationTimestamp)
  const container = CONTAINER.exec(about.fieldPath ?? '')?.[1]
  return {
    ref: { namespace: about.namespace, name: about.name, uid: about.uid },
    warning: {
      reason: reason.slice(0, 128),
      message: message.slice(0, MAX_MESSAGE),
      ...(container !== undefined && { container }),
      reporter,
      lastSeen: lastSeen(event),
      ...(createdAt !== undefined && { createdAt }),
    },
  }
}

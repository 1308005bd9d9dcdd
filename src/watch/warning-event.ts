import { parseTime } from '../model/duration.ts'
import type { KubeEvent } from '../model/kubernetes.ts'
import type { PodRef, WarningEvent } from './pod-cache.ts'

/** Old-style Events have no length limit on the server. */
const MAX_MESSAGE = 4_096

/** Our own Events say what we did; reading them again would be a loop. */
const OURS = 'podmend'

const CONTAINER = /^spec\.(?:initContainers|containers|ephemeralContainers)\{([^}]{1,253})\}$/

/** What the API server takes for a pod's name; anything else can be no pod, and would be asked for in vain for ever. */
const POD_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/

const time = (text: string | null | undefined): number => parseTime(text ?? undefined) ?? 0

/** Latest of an Event's four times, ms since the epoch; 0 where it states none. */
export const lastSeen = (event: KubeEvent): number =>
  Math.max(
    time(event.lastTimestamp),
    time(event.eventTime),
    time(event.series?.lastObservedTime),
    time(event.metadata.creationTimestamp),
  )

/**
 * What a Warning Event says of a pod, or undefined where it is none, is ours, or names no pod:
 * anyone who may create Events can write any of these fields.
 */
export const warningEventOf = (
  event: KubeEvent,
): { readonly ref: PodRef; readonly warning: WarningEvent } | undefined => {
  const { involvedObject: about, reason, message } = event
  if (about?.kind !== 'Pod' || !about.uid || !about.name || !about.namespace) return undefined
  if (!POD_NAME.test(about.name)) return undefined
  // An Event speaks only for its own namespace; the server enforces it for core/v1, we do not rely on it.
  if (about.namespace !== event.metadata.namespace) return undefined
  const reporter = event.reportingComponent || event.source?.component || ''
  if (reporter.startsWith(OURS) || typeof reason !== 'string' || typeof message !== 'string') return undefined
  const container = CONTAINER.exec(about.fieldPath ?? '')?.[1]
  return {
    ref: { namespace: about.namespace, name: about.name, uid: about.uid },
    warning: {
      reason: reason.slice(0, 128),
      message: message.slice(0, MAX_MESSAGE),
      ...(container !== undefined && { container }),
      reporter,
      lastSeen: lastSeen(event),
    },
  }
}

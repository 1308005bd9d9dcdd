/** Pods that may be broken, and their Warning Events. */
import { classify } from '../catalogue/classify.ts'
import { parseTime } from '../model/duration.ts'
import type { KubeEvent, Pod } from '../model/kubernetes.ts'
import { hasBlockedContainer, podKey, type PodRef, podRefOf } from '../model/pod.ts'

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

/**
 * The same, of a message that the catalogue knows: most warnings are not about startup, and no pod is read because of those.
 */
export const startupWarningOf = (event: KubeEvent): ReturnType<typeof warningEventOf> => {
  const found = warningEventOf(event)
  return found && classify(found.warning).cause !== 'Unknown' ? found : undefined
}

/** Maximum of Warning Events per pod; the oldest are dropped. Enough for a pod with ten failing containers. */
const MAX_WARNINGS = 16
/** The API server also keeps Events for an hour. */
const WARNING_LIFE_MS = 3_600_000
/** Limit for all messages together: otherwise anyone who may create Events could fill the memory. */
const MAX_CHARACTERS = 16 * 2 ** 20

export interface PodCacheDeps {
  readonly now: () => number
  /** Called with the key (`podKey`) of a pod that may be broken and has changed. */
  readonly onChange: (key: string) => void
  /**
   * Maximum number of pods. Beyond it, entries without a pod object are dropped (their Events recur): the oldest of the
   * namespace that has most of them, so that nobody pushes out the pods of others by writing Events.
   */
  readonly maxPods?: number
}

/**
 * Pods that may be broken, by `podKey`. Healthy pods are never added. An Event joins a pod only if namespace, name and uid
 * agree: otherwise a user who may create Events in one namespace could attach them to pods of another.
 */
export interface PodCache {
  readonly sawPending: (pod: Pod) => void
  readonly leftPending: (ref: PodRef) => void
  readonly sawWarning: (ref: PodRef, warning: WarningEvent) => void
  readonly get: (key: string) => PodEntry | undefined
  readonly forget: (key: string) => void
  /** Keys of all entries. */
  readonly keys: () => readonly string[]
  /** Drops pods that are known only from old Events: for a replica that does not process them. */
  readonly prune: () => void
}

/** Size of the Events of a pod, in characters. */
const weight = ({ warnings }: PodEntry): number => warnings.reduce((sum, { message }) => sum + message.length, 0)

/** Entries that only Events report, by namespace: their keys, oldest first, and what they weigh. */
const createUnseen = () => {
  const spaces = new Map<string, { readonly keys: Set<string>; weight: number }>()
  /** What an entry weighs without its messages. */
  const ENTRY = 512
  return {
    add: (key: string, entry: PodEntry): void => {
      const space = spaces.get(entry.ref.namespace) ?? { keys: new Set(), weight: 0 }
      spaces.set(entry.ref.namespace, space)
      space.keys.add(key)
      space.weight += ENTRY + weight(entry)
    },
    remove: (key: string, entry: PodEntry): void => {
      const space = spaces.get(entry.ref.namespace)
      if (space?.keys.delete(key) !== true) return
      space.weight -= ENTRY + weight(entry)
      if (space.keys.size === 0) spaces.delete(entry.ref.namespace)
    },
    /** The oldest of the namespace whose entries weigh most. */
    next: (): string | undefined => {
      let heaviest: { readonly keys: Set<string>; readonly weight: number } | undefined
      for (const space of spaces.values()) if (space.weight > (heaviest?.weight ?? 0)) heaviest = space
      return heaviest?.keys.values().next().value
    },
  }
}

/** Of Events of the same time the one that arrived last comes first, so that none displaces it. */
const joined = (
  warnings: readonly WarningEvent[],
  warning: WarningEvent,
  now: number,
  max: number,
): readonly WarningEvent[] => {
  const others = warnings.filter(
    (w) =>
      now - w.lastSeen < WARNING_LIFE_MS &&
      !(w.reason === warning.reason && w.container === warning.container && w.message === warning.message),
  )
  return [warning, ...others].toSorted((a, b) => b.lastSeen - a.lastSeen).slice(0, max)
}

/** Synchronous: a change is in the cache before `onChange` is called. */
export const createPodCache = ({ now, onChange, maxPods = 20_000 }: PodCacheDeps): PodCache => {
  const entries = new Map<string, PodEntry>()
  const unseen = createUnseen()
  let characters = 0

  const drop = (key: string): void => {
    const entry = entries.get(key)
    if (!entry) return
    characters -= weight(entry)
    entries.delete(key)
    if (!entry.pod) unseen.remove(key, entry)
  }

  const put = (entry: PodEntry): void => {
    const key = podKey(entry.ref)
    drop(key)
    characters += weight(entry)
    entries.set(key, entry)
    if (!entry.pod) unseen.add(key, entry)
  }

  /** Keeps pods that a watch reports. */
  const makeRoom = (): void => {
    while (entries.size >= maxPods || characters >= MAX_CHARACTERS) {
      const key = unseen.next()
      if (key === undefined) return
      drop(key)
    }
  }

  return {
    sawPending: (pod) => {
      const ref = podRefOf(pod)
      const key = podKey(ref)
      const warnings = entries.get(key)?.warnings ?? []
      if (!entries.has(key)) makeRoom()
      put({ ref, pod, warnings })
      if (warnings.length > 0 || hasBlockedContainer(pod)) onChange(key)
    },
    leftPending: (ref) => {
      const key = podKey(ref)
      const before = entries.get(key)
      if (!before) return
      if (before.warnings.length > 0) put({ ref, warnings: before.warnings })
      else drop(key)
      onChange(key)
    },
    sawWarning: (ref, claimed) => {
      const key = podKey(ref)
      const warning = clampTime(claimed, 0, now())
      makeRoom()
      const before = entries.get(key)
      // Where pods that a watch reports fill the memory, each keeps its newest Event.
      const max = characters >= MAX_CHARACTERS ? 1 : MAX_WARNINGS
      put({ ref, ...before, warnings: joined(before?.warnings ?? [], warning, now(), max) })
      onChange(key)
    },
    get: (key) => entries.get(key),
    forget: drop,
    keys: () => [...entries.keys()],
    prune: () => {
      for (const [key, { pod, warnings }] of entries) {
        if (!pod && warnings.every(({ lastSeen }) => now() - lastSeen >= WARNING_LIFE_MS)) drop(key)
      }
    },
  }
}

/** How far the clock of a node may be ahead. */
const SKEW_MS = 5 * 60_000

/**
 * The times of an Event are claims of whoever wrote it. Limits them, so that an Event from the future neither displaces
 * others nor stays: it counts from when the API server received it. ms since the epoch.
 */
export const clampTime = (event: WarningEvent, earliest: number, latest: number): WarningEvent => {
  const { lastSeen, createdAt = latest } = event
  const claimed = lastSeen > latest + SKEW_MS ? createdAt : lastSeen
  return { ...event, lastSeen: Math.max(Math.min(claimed, latest), Math.min(earliest, latest)) }
}

/** A Warning Event about a pod. Anyone may create Events, so an Event triggers a check but is never evidence by itself. */
export interface WarningEvent {
  readonly reason: string
  /** At most 4 KiB, including an aggregation prefix. */
  readonly message: string
  /** Container named by the Event's fieldPath, if any. */
  readonly container?: string
  /** Reporting component, e.g. `kubelet`. */
  readonly reporter: string
  /** Latest of the Event's four times, in ms since the epoch; never later than when it was received. */
  readonly lastSeen: number
  /** When the API server received it first, by its own clock; absent in old recordings. */
  readonly createdAt?: number
}

/** Everything known about a pod that may be broken; healthy pods have no entry. */
export interface PodEntry {
  readonly ref: PodRef
  /** The pod from the watch of Pending pods; absent if it is known only from Events. */
  readonly pod?: Pod
  /** The newest Event for each reason, container and message, at most 16. */
  readonly warnings: readonly WarningEvent[]
}

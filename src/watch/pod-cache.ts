import type { Container, ContainerStatus, Pod, Volume } from '../model/kubernetes.ts'
import { hasBlockedContainer } from '../model/pod.ts'

/** Warning Events of one pod beyond this number push out the oldest: a pod with ten failing containers still fits. */
const MAX_WARNINGS = 16
/** An Event lives an hour on the server, and no longer here. */
const WARNING_LIFE_MS = 3_600_000
/** Of all messages together: whoever may create Events could fill the memory otherwise. */
const MAX_CHARACTERS = 16 * 2 ** 20

export interface PodCacheDeps {
  readonly now: () => number
  /** A pod that may be broken changed; called with its uid. */
  readonly onChange: (uid: string) => void
  /** Pods kept at once; beyond it the oldest without a pod object are dropped (their Events come again). */
  readonly maxPods?: number
}

/** Holds what is known of pods that may be broken, by uid. Healthy pods never enter. */
export interface PodCache {
  readonly sawPending: (pod: Pod) => void
  readonly leftPending: (uid: string) => void
  readonly sawWarning: (ref: PodRef, warning: WarningEvent) => void
  readonly get: (uid: string) => PodEntry | undefined
  readonly forget: (uid: string) => void
  /** Of every pod that may be broken. */
  readonly uids: () => readonly string[]
  /** Drops pods of which only Events are known, all of them old: for a replica that does not process them. */
  readonly prune: () => void
}

const refOf = (pod: Pod): PodRef => ({
  namespace: pod.metadata.namespace ?? '',
  name: pod.metadata.name,
  uid: pod.metadata.uid,
})

/** What the Events of a pod take, in characters. */
const weight = ({ warnings }: PodEntry): number => warnings.reduce((sum, { message }) => sum + message.length, 0)

const joined = (warnings: readonly WarningEvent[], warning: WarningEvent, now: number): readonly WarningEvent[] => {
  const others = warnings.filter(
    (w) =>
      now - w.lastSeen < WARNING_LIFE_MS &&
      !(w.reason === warning.reason && w.container === warning.container && w.message === warning.message),
  )
  return [...others, warning].toSorted((a, b) => b.lastSeen - a.lastSeen).slice(0, MAX_WARNINGS)
}

/** See PodCache. Synchronous: a change is in the cache before `onChange` is called. */
export const createPodCache = ({ now, onChange, maxPods = 20_000 }: PodCacheDeps): PodCache => {
  const entries = new Map<string, PodEntry>()
  let characters = 0

  const drop = (uid: string): void => {
    const entry = entries.get(uid)
    if (!entry) return
    characters -= weight(entry)
    entries.delete(uid)
  }

  const put = (uid: string, entry: PodEntry): void => {
    drop(uid)
    characters += weight(entry)
    entries.set(uid, entry)
  }

  /** The pod with the oldest Event goes first; what a watch shows stays. */
  const makeRoom = (): void => {
    if (entries.size < maxPods && characters < MAX_CHARACTERS) return
    for (const [uid, { pod }] of entries) {
      if (pod) continue
      drop(uid)
      if (entries.size < maxPods && characters < MAX_CHARACTERS) return
    }
  }

  return {
    sawPending: (pod) => {
      const { uid } = pod.metadata
      const warnings = entries.get(uid)?.warnings ?? []
      if (!entries.has(uid)) makeRoom()
      put(uid, { ref: refOf(pod), pod, warnings })
      if (warnings.length > 0 || hasBlockedContainer(pod)) onChange(uid)
    },
    leftPending: (uid) => {
      const before = entries.get(uid)
      if (!before) return
      if (before.warnings.length > 0) put(uid, { ref: before.ref, warnings: before.warnings })
      else drop(uid)
      onChange(uid)
    },
    sawWarning: (ref, warning) => {
      const before = entries.get(ref.uid)
      makeRoom()
      put(ref.uid, { ref, ...before, warnings: joined(before?.warnings ?? [], warning, now()) })
      onChange(ref.uid)
    },
    get: (uid) => entries.get(uid),
    forget: drop,
    uids: () => [...entries.keys()],
    prune: () => {
      for (const [uid, { pod, warnings }] of entries) {
        if (!pod && warnings.every(({ lastSeen }) => now() - lastSeen >= WARNING_LIFE_MS)) drop(uid)
      }
    },
  }
}

/** A pod by what does not change about it. */
export interface PodRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** What an Event says of a pod. Anyone may create Events, so one triggers a check and never proves anything. */
export interface WarningEvent {
  readonly reason: string
  /** At most 4 KiB; an aggregation prefix is left in place. */
  readonly message: string
  /** Container that the Event's fieldPath names, if it does. */
  readonly container?: string
  /** Who reported it, e.g. `kubelet`. */
  readonly reporter: string
  /** Latest of the Event's four times, in ms since the epoch. */
  readonly lastSeen: number
}

/** All that is kept of a pod that may be broken: never kept of a healthy one. */
export interface PodEntry {
  readonly ref: PodRef
  /** The pod as the Pending watch last showed it; absent where only an Event spoke of it. */
  readonly pod?: Pod
  /** The newest for each reason, container and message, at most 16. */
  readonly warnings: readonly WarningEvent[]
}

const containerOf = ({ name, image, imagePullPolicy, restartPolicy }: Container): Container => ({
  name,
  ...(image !== undefined && { image }),
  ...(imagePullPolicy !== undefined && { imagePullPolicy }),
  ...(restartPolicy !== undefined && { restartPolicy }),
})

const statusOf = ({
  name,
  image,
  imageID,
  containerID,
  ready,
  started,
  restartCount,
  state,
  lastState,
}: ContainerStatus): ContainerStatus => ({
  name,
  ...(image !== undefined && { image }),
  ...(imageID !== undefined && { imageID }),
  ...(containerID !== undefined && { containerID }),
  ...(ready !== undefined && { ready }),
  ...(started !== undefined && { started }),
  ...(restartCount !== undefined && { restartCount }),
  ...(state !== undefined && { state }),
  ...(lastState !== undefined && { lastState }),
})

/** Image volumes alone: their errors show on the containers. */
const imageVolumesOf = (volumes: readonly Volume[] = []): readonly Volume[] =>
  volumes.flatMap(({ name, image }) => (image?.reference ? [{ name, image: { reference: image.reference } }] : []))

/** What is kept of a pending pod: a tenth of the object; other volumes, env and managedFields are left behind. */
export const pendingPod = (pod: Pod): Pod => {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations } =
    pod.metadata
  const { spec, status } = pod
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace !== undefined && { namespace }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(pod.metadata.ownerReferences !== undefined && { ownerReferences: pod.metadata.ownerReferences }),
    },
    ...(spec !== undefined && {
      spec: {
        ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }),
        ...(spec.serviceAccountName !== undefined && { serviceAccountName: spec.serviceAccountName }),
        ...(spec.imagePullSecrets !== undefined && { imagePullSecrets: spec.imagePullSecrets }),
        containers: (spec.containers ?? []).map(containerOf),
        initContainers: (spec.initContainers ?? []).map(containerOf),
        ...(spec.volumes?.some(({ image }) => image?.reference) && { volumes: imageVolumesOf(spec.volumes) }),
      },
    }),
    ...(status !== undefined && {
      status: {
        ...(status.phase !== undefined && { phase: status.phase }),
        ...(status.reason !== undefined && { reason: status.reason }),
        ...(status.message !== undefined && { message: status.message }),
        ...(status.startTime !== undefined && { startTime: status.startTime }),
        ...(status.conditions !== undefined && { conditions: status.conditions }),
        containerStatuses: (status.containerStatuses ?? []).map(statusOf),
        initContainerStatuses: (status.initContainerStatuses ?? []).map(statusOf),
      },
    }),
  }
}

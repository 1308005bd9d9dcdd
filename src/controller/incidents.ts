import type { IncidentArea } from '../model/causes.ts'
import { type FailingPod, incidentKey, type Owner } from '../model/incident.ts'
import type { LabelSelector, ObjectRef } from '../model/kubernetes.ts'
import { selects } from '../model/label-selector.ts'

/** An owner and an area in which something fails, or in which a remedy is in progress. */
export interface OpenIncident {
  readonly key: string
  readonly area: IncidentArea
  readonly target: ObjectRef
  /** Failing pods by uid; empty where only the verification of a remedy is awaited. */
  readonly pods: ReadonlyMap<string, FailingPod>
  /** The owner as it was read for assigning a pod; `at` is before the read began, ms since the epoch. */
  readonly owner?: { readonly value: Owner; readonly at: number }
  /** Resumed from a record: which of its pods fail was not checked yet. */
  readonly unchecked?: true
  /** Set while a remedy is being verified: a change of these pods triggers a check. */
  readonly selector?: LabelSelector
  /** When the last of them seemed to start, ms since the epoch. */
  readonly startedAt?: number
}

/**
 * What a failing pod is assigned to. Its workload and its node may both be at fault: then there are two, each
 * with areas of its own.
 */
export interface Assignment {
  readonly target: ObjectRef
  readonly areas: readonly IncidentArea[]
  /** The owner as it was just read, where it was; `at` is before the read began, ms since the epoch. */
  readonly owner?: { readonly value: Owner; readonly at: number }
}

/** Open incidents by key; what is healthy has none. Synchronous. */
export interface Incidents {
  readonly get: (key: string) => OpenIncident | undefined
  /** A pod fails this way now, and in no other; returns the keys that changed. */
  readonly report: (pod: FailingPod, assignments: readonly Assignment[]) => readonly string[]
  /** A pod fails this way now, whatever else it is assigned to: for a check of one target only. */
  readonly add: (pod: FailingPod, assignment: Assignment) => void
  /**
   * An assigned pod changed, but fails in the same areas; returns its keys. Undefined where it is not assigned to them:
   * then its owner must be known.
   */
  readonly reassign: (pod: FailingPod, areas: readonly IncidentArea[]) => readonly string[] | undefined
  /** The owner as it was read for assigning, once: what was decided on it may have changed it. */
  readonly takeOwner: (key: string) => OpenIncident['owner']
  /** A pod no longer fails or is gone; returns the keys that it left. */
  readonly recovered: (podUid: string) => readonly string[]
  /** Keeps an incident open for the verification of its remedy. */
  readonly await: (area: IncidentArea, target: ObjectRef, selector: LabelSelector | undefined) => string
  /** Opens the incident of a record, for a process that did not see it begin; returns its key. */
  readonly resume: (area: IncidentArea, target: ObjectRef) => string
  readonly isOpen: (ownerUid: string, area: IncidentArea) => boolean
  /** The pods of a resumed incident were checked. */
  readonly checked: (key: string) => void
  readonly close: (key: string) => void
  readonly keys: () => readonly string[]
  /** A pod of a remedy that is being verified seems to have started at that time, ms since the epoch. */
  readonly sawStart: (key: string, at: number) => void
  /** Keys whose verification may depend on a pod with these labels. */
  readonly awaiting: (namespace: string, labels: Readonly<Record<string, string>>) => readonly string[]
}

export const createIncidents = (): Incidents => {
  const open = new Map<string, OpenIncident>()
  const keysOfPod = new Map<string, Set<string>>()

  const leave = (podUid: string, key: string): void => {
    const incident = open.get(key)
    if (incident) open.set(key, { ...incident, pods: new Map([...incident.pods].filter(([uid]) => uid !== podUid)) })
    const keys = keysOfPod.get(podUid)
    keys?.delete(key)
    if (keys?.size === 0) keysOfPod.delete(podUid)
  }

  const add = (failing: FailingPod, { target, areas, owner }: Assignment): void => {
    const { uid } = failing.pod.metadata
    for (const area of areas) {
      const key = incidentKey(target.uid, area)
      const before = open.get(key)
      const pods = new Map(before?.pods).set(uid, failing)
      open.set(key, { ...before, key, area, target, pods, ...(owner && { owner }) })
      keysOfPod.set(uid, (keysOfPod.get(uid) ?? new Set()).add(key))
    }
  }

  return {
    get: (key) => open.get(key),
    report: (failing, assignments) => {
      const { uid } = failing.pod.metadata
      const keys = assignments.flatMap(({ target, areas }) => areas.map((area) => incidentKey(target.uid, area)))
      const left = [...(keysOfPod.get(uid) ?? [])].filter((key) => !keys.includes(key))
      for (const key of left) leave(uid, key)
      for (const assignment of assignments) add(failing, assignment)
      return [...keys, ...left]
    },
    add,
    reassign: (failing, areas) => {
      const { uid } = failing.pod.metadata
      const assigned = [...(keysOfPod.get(uid) ?? [])].flatMap((key) => open.get(key) ?? [])
      const same = assigned.length === areas.length && assigned.every(({ area }) => areas.includes(area))
      if (!same) return undefined
      for (const incident of assigned) {
        open.set(incident.key, { ...incident, pods: new Map(incident.pods).set(uid, failing) })
      }
      return assigned.map(({ key }) => key)
    },
    takeOwner: (key) => {
      const incident = open.get(key)
      if (!incident?.owner) return undefined
      const { owner, ...rest } = incident
      open.set(key, rest)
      return owner
    },
    recovered: (podUid) => {
      const keys = [...(keysOfPod.get(podUid) ?? [])]
      for (const key of keys) leave(podUid, key)
      return keys
    },
    await: (area, target, selector) => {
      const key = incidentKey(target.uid, area)
      const before = open.get(key)
      open.set(key, { ...(before ?? { key, area, target, pods: new Map() }), ...(selector && { selector }) })
      return key
    },
    resume: (area, target) => {
      const key = incidentKey(target.uid, area)
      if (!open.has(key)) open.set(key, { key, area, target, pods: new Map(), unchecked: true })
      return key
    },
    checked: (key) => {
      const incident = open.get(key)
      if (!incident) return
      const { unchecked: _, ...rest } = incident
      open.set(key, rest)
    },
    isOpen: (ownerUid, area) => open.has(incidentKey(ownerUid, area)),
    close: (key) => {
      for (const uid of open.get(key)?.pods.keys() ?? []) leave(uid, key)
      open.delete(key)
    },
    keys: () => [...open.keys()],
    sawStart: (key, at) => {
      const incident = open.get(key)
      if (incident) open.set(key, { ...incident, startedAt: at })
    },
    awaiting: (namespace, labels) =>
      [...open.values()]
        .filter(
          ({ target, selector }) =>
            target.namespace === namespace && selector !== undefined && selects(selector, labels),
        )
        .map(({ key }) => key),
  }
}

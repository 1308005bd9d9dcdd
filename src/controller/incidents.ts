import type { IncidentArea } from '../model/causes.ts'
import { type FailingPod, type Facts, incidentKey, type Owner } from '../model/incident.ts'
import type { LabelSelector, ObjectRef } from '../model/kubernetes.ts'
import type { VerdictOf } from '../model/plan.ts'
import { selects } from '../model/label-selector.ts'
import { podKey } from '../model/pod.ts'
import type { NodeEntry } from '../watch/node-cache.ts'

/** What the last check of an incident found, if it ended without a write. */
export interface LastCheck {
  readonly verdict: VerdictOf<'Hold' | 'Ignore'>
  readonly facts: Facts
  readonly owner: Owner
  /** The pods and records that the decision used. */
  readonly pods: string
  readonly records: string
  /** The watched nodes of the pods. */
  readonly nodes: readonly (NodeEntry | undefined)[]
  /** Since when this verdict has been the same, monotonic ms. */
  readonly since: number
  /** When facts must be read again, monotonic ms. */
  readonly readAgainAt: number
}

/** An owner and an area in which something fails or a remedy is in progress. */
export interface OpenIncident {
  readonly key: string
  readonly area: IncidentArea
  readonly target: ObjectRef
  /** Failing pods by `podKey`; empty while only a verification is pending. */
  readonly pods: ReadonlyMap<string, FailingPod>
  /** The owner as read when a pod was assigned; `at` is before the read began, monotonic ms. */
  readonly owner?: { readonly value: Owner; readonly at: number }
  /** Resumed from a record: its failing pods have not been determined yet. */
  readonly unchecked?: true
  /** Set while a remedy is being verified: a change of these pods triggers a check. */
  readonly selector?: LabelSelector
  /** When the last of them appeared to start, ms since the epoch. */
  readonly startedAt?: number
  readonly lastCheck?: LastCheck
}

/**
 * Where a failing pod is assigned. Its workload and its node may both be at fault: then there are two assignments, each
 * with its own areas.
 */
export interface Assignment {
  readonly target: ObjectRef
  readonly areas: readonly IncidentArea[]
  /** The owner, if it was just read; `at` is before the read began, monotonic ms. */
  readonly owner?: { readonly value: Owner; readonly at: number }
}

/** Open incidents by key. Synchronous. */
export interface Incidents {
  readonly get: (key: string) => OpenIncident | undefined
  /** Assigns a pod to exactly these incidents; returns the keys that changed. */
  readonly report: (pod: FailingPod, assignments: readonly Assignment[]) => readonly string[]
  /** Assigns a pod to this incident and keeps its other assignments: for a check of only one target. */
  readonly add: (pod: FailingPod, assignment: Assignment) => void
  /**
   * Updates an assigned pod that still fails in the same areas; returns its keys. Undefined if it is not assigned to
   * them: then its owner must be determined.
   */
  readonly reassign: (pod: FailingPod, areas: readonly IncidentArea[]) => readonly string[] | undefined
  /** Returns the owner that was read for the assignment, only once: a decision may have changed it since. */
  readonly takeOwner: (key: string) => OpenIncident['owner']
  /** Removes a pod (by `podKey`) that no longer fails or is gone; returns its former keys. */
  readonly recovered: (pod: string) => readonly string[]
  /** Keeps an incident open for the verification of its remedy. */
  readonly await: (area: IncidentArea, target: ObjectRef, selector: LabelSelector | undefined) => string
  /** Opens the incident of a record that this process did not create; returns its key. */
  readonly resume: (area: IncidentArea, target: ObjectRef) => string
  /** Marks the pods of a resumed incident as checked. */
  readonly checked: (key: string) => void
  /** Remembers a check that ended without a write. */
  readonly remember: (key: string, lastCheck: LastCheck) => void
  readonly close: (key: string) => void
  /** Forgets all incidents: a replica that does not lead closes none. */
  readonly clear: () => void
  readonly keys: () => readonly string[]
  /** Records that a pod of a remedy in verification appears to have started at that time, ms since the epoch. */
  readonly sawStart: (key: string, at: number) => void
  /** Keys whose verification may depend on a pod with these labels. */
  readonly awaiting: (namespace: string, labels: Readonly<Record<string, string>>) => readonly string[]
}

/** It has been failing since the earliest time that was known of it: one from the future counts as when it was first seen. */
export const sinceFirst = (before: FailingPod | undefined, failing: FailingPod): FailingPod =>
  before && before.since < failing.since ? { ...failing, since: before.since } : failing

export const createIncidents = (): Incidents => {
  const open = new Map<string, OpenIncident>()
  const keysOfPod = new Map<string, Set<string>>()

  const leave = (pod: string, key: string): void => {
    const incident = open.get(key)
    if (incident) open.set(key, { ...incident, pods: new Map([...incident.pods].filter(([id]) => id !== pod)) })
    const keys = keysOfPod.get(pod)
    keys?.delete(key)
    if (keys?.size === 0) keysOfPod.delete(pod)
  }

  const add = (failing: FailingPod, { target, areas, owner }: Assignment): void => {
    const pod = podKey(failing.pod.metadata)
    for (const area of areas) {
      const key = incidentKey(target, area)
      const before = open.get(key)
      const pods = new Map(before?.pods).set(pod, sinceFirst(before?.pods.get(pod), failing))
      open.set(key, { ...before, key, area, target, pods, ...(owner && { owner }) })
      keysOfPod.set(pod, (keysOfPod.get(pod) ?? new Set()).add(key))
    }
  }

  return {
    get: (key) => open.get(key),
    report: (failing, assignments) => {
      const pod = podKey(failing.pod.metadata)
      const keys = assignments.flatMap(({ target, areas }) => areas.map((area) => incidentKey(target, area)))
      const left = [...(keysOfPod.get(pod) ?? [])].filter((key) => !keys.includes(key))
      for (const key of left) leave(pod, key)
      for (const assignment of assignments) add(failing, assignment)
      return [...keys, ...left]
    },
    add,
    reassign: (failing, areas) => {
      const pod = podKey(failing.pod.metadata)
      const assigned = [...(keysOfPod.get(pod) ?? [])].flatMap((key) => open.get(key) ?? [])
      const same = assigned.length === areas.length && assigned.every(({ area }) => areas.includes(area))
      if (!same) return undefined
      for (const incident of assigned) {
        const pods = new Map(incident.pods).set(pod, sinceFirst(incident.pods.get(pod), failing))
        open.set(incident.key, { ...incident, pods })
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
    recovered: (pod) => {
      const keys = [...(keysOfPod.get(pod) ?? [])]
      for (const key of keys) leave(pod, key)
      return keys
    },
    await: (area, target, selector) => {
      const key = incidentKey(target, area)
      const before = open.get(key)
      open.set(key, { ...(before ?? { key, area, target, pods: new Map() }), ...(selector && { selector }) })
      return key
    },
    resume: (area, target) => {
      const key = incidentKey(target, area)
      if (!open.has(key)) open.set(key, { key, area, target, pods: new Map(), unchecked: true })
      return key
    },
    checked: (key) => {
      const incident = open.get(key)
      if (!incident) return
      const { unchecked: _, ...rest } = incident
      open.set(key, rest)
    },
    remember: (key, lastCheck) => {
      const incident = open.get(key)
      if (incident) open.set(key, { ...incident, lastCheck })
    },
    clear: () => {
      open.clear()
      keysOfPod.clear()
    },
    close: (key) => {
      for (const pod of open.get(key)?.pods.keys() ?? []) leave(pod, key)
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

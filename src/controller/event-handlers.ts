import type { Remediation, RemediationPolicy } from '../api/kinds.ts'
import { incidentKey, known } from '../model/incident.ts'
import { podRefOf } from '../model/pod.ts'
import { areaOfRecord, incidentKeyOf, isInPlace, isOpen, targetOf } from '../model/remediation-state.ts'
import type { EventHandlers } from '../watch/informers.ts'
import type { State } from './state.ts'

export interface EventHandlerDeps {
  readonly state: State
  readonly now: () => number
  /** The operator's own namespace, which holds the records of nodes. */
  readonly namespace: string
  /** Whether this replica processes incidents. A standby opens none, because it would never close them. */
  readonly mayAct: () => boolean
  /** Adds an incident to the work queue. */
  readonly enqueue: (key: string) => void
  readonly changes: Changes
}

/** What concerns more than one incident. */
export interface Changes {
  readonly policies: () => void
  /** A node was added, changed or deleted. */
  readonly node: (uid: string) => void
  readonly paused: (paused: boolean) => void
  /** A record was added or changed. */
  readonly record: (record: Remediation) => void
  /** Everything was listed again after the API server was restored. */
  readonly current: () => void
}

/** Opens the incidents of all open records, for a replica that begins to process them. */
export const resumeIncidents = ({ remediations, incidents }: Pick<State, 'remediations' | 'incidents'>): void => {
  for (const record of remediations.all()) {
    const area = areaOfRecord(record)
    if (area && isOpen(record)) incidents.resume(area, targetOf(record))
  }
}

/** Handlers that update the state in memory and queue the affected incidents. */
export const createEventHandlers = (deps: EventHandlerDeps): EventHandlers => {
  const { state, now, namespace, mayAct, enqueue, changes } = deps
  const { pods, nodes, policies, remediations, incidents, attempts } = state
  return {
    pods: {
      upsert: pods.sawPending,
      remove: (pod) => {
        const { metadata } = pod
        pods.leftPending(podRefOf(pod))
        // A pod that is being deleted has not started; if its deletion matters, a later check will see it.
        if (metadata.deletionTimestamp !== undefined) return
        for (const key of incidents.awaiting(metadata.namespace ?? '', metadata.labels ?? {})) {
          incidents.sawStart(key, now())
          enqueue(key)
        }
      },
    },
    warning: pods.sawWarning,
    policies: {
      upsert: (object) => {
        attempts.sawPolicy(object as RemediationPolicy)
        if (policies.put(object)) changes.policies()
      },
      remove: (uid) => {
        policies.drop(uid)
        changes.policies()
      },
    },
    remediations: {
      upsert: (record) => {
        if (!isInPlace(record, namespace)) return
        const before = remediations.get(record.metadata.uid)
        remediations.put(record)
        attempts.sawRecord(record)
        changes.record(record)
        const area = areaOfRecord(record)
        if (!area || !isOpen(record) || !mayAct()) return
        // Ignore our own status updates, but process a decision in the spec, and a record without an open incident:
        // after a restart, or from another leader.
        const isEcho = before?.metadata.generation === record.metadata.generation
        const isKnown = incidents.get(incidentKey(targetOf(record), area)) !== undefined
        if (!isEcho || !isKnown) enqueue(incidents.resume(area, targetOf(record)))
      },
      remove: (uid) => {
        const record = remediations.get(uid)
        remediations.drop(uid)
        attempts.forgotRecord(uid)
        const key = record && incidentKeyOf(record)
        if (key !== undefined && incidents.get(key)) enqueue(key)
      },
    },
    paused: (paused) => {
      if (state.paused.known && state.paused.value === paused) return
      state.paused = known(paused)
      changes.paused(paused)
    },
    restored: () => {
      remediations.forgetVersions()
      policies.forgetVersions()
    },
    current: changes.current,
    nodes: {
      upsert: (node) => {
        if (nodes.put(node)) changes.node(node.uid)
      },
      remove: (uid) => {
        nodes.drop(uid)
        changes.node(uid)
      },
      synced: nodes.synced,
      unavailable: nodes.unavailable,
    },
  }
}

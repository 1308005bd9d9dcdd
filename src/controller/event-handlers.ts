import type { RemediationPolicy } from '../api/kinds.ts'
import { classify } from '../catalogue/classify.ts'
import { isOpen } from '../model/remediation-state.ts'
import type { AttemptHistory } from '../report/attempts.ts'
import type { EventHandlers } from '../watch/informers.ts'
import type { Nodes } from '../watch/node-cache.ts'
import type { PodCache } from '../watch/pod-cache.ts'
import type { Policies } from '../watch/policy-cache.ts'
import { isInPlace, type RemediationCache, subjectOf, targetOf } from '../watch/remediation-cache.ts'
import type { Incidents } from './incidents.ts'

export interface EventHandlerDeps {
  readonly podCache: PodCache
  readonly incidents: Incidents
  readonly records: RemediationCache
  readonly policies: Policies
  readonly attemptHistory: Pick<AttemptHistory, 'sawPolicy' | 'sawRecord'>
  /** Wants an incident looked at. */
  readonly enqueue: (key: string) => void
  readonly now: () => number
  readonly policiesChanged: () => void
  /** Where the records of nodes lie. */
  readonly operatorNamespace: string
  readonly paused: (paused: boolean) => void
  readonly nodes: Nodes
  /** A node came, changed or went. */
  readonly nodeChanged: (uid: string) => void
}

/** What each thing that a watch shows means for what is known, and who is to look again because of it. */
export const createEventHandlers = (deps: EventHandlerDeps): EventHandlers => {
  const { podCache, incidents, records, policies, attemptHistory, nodes, enqueue } = deps
  return {
    pendingPod: podCache.sawPending,
    leftPending: ({ metadata }) => {
      podCache.leftPending(metadata.uid)
      // One that is going is no start; it proves something too, but nothing that a later look would miss.
      if (metadata.deletionTimestamp !== undefined) return
      for (const key of incidents.awaiting(metadata.namespace ?? '', metadata.labels ?? {})) {
        incidents.sawStart(key, deps.now())
        enqueue(key)
      }
    },
    // An Event whose words nobody knows is no reason to read a pod: most Warnings are about other things than starting.
    word: (ref, word) => {
      if (classify(word).cause !== 'Unknown') podCache.heard(ref, word)
    },
    policy: (object) => {
      attemptHistory.sawPolicy(object as RemediationPolicy)
      if (policies.put(object)) deps.policiesChanged()
    },
    policyGone: (uid) => {
      policies.drop(uid)
      deps.policiesChanged()
    },
    remediation: (record) => {
      if (!isInPlace(record, deps.operatorNamespace)) return
      const before = records.get(record.metadata.uid)
      records.put(record)
      attemptHistory.sawRecord(record)
      const subject = subjectOf(record)
      if (!subject || !isOpen(record)) return
      // The echo of our own status is no news; a person's word in the spec is, and so is a record that nobody works on:
      // after a restart, or from another leader.
      const known = before?.metadata.generation === record.metadata.generation
      const open = incidents.isOpen(subject.ownerUid, subject.area)
      if (!known || !open) enqueue(incidents.resume(subject.area, targetOf(record)))
    },
    remediationGone: (uid) => {
      const record = records.get(uid)
      records.drop(uid)
      const subject = record && subjectOf(record)
      if (subject && incidents.isOpen(subject.ownerUid, subject.area)) {
        enqueue(incidents.resume(subject.area, targetOf(record)))
      }
    },
    paused: deps.paused,
    node: (node) => {
      if (nodes.put(node)) deps.nodeChanged(node.uid)
    },
    nodeGone: (uid) => {
      nodes.drop(uid)
      deps.nodeChanged(uid)
    },
    nodesSeen: nodes.seen,
    nodesUnseen: nodes.unseen,
  }
}

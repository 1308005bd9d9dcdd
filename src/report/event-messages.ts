/** What a change of a record has to tell, as sentences for whoever reads `kubectl describe` at night. Pure. */
import type { Remediation } from '../api/kinds.ts'
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { formatDuration, parseTime } from '../model/duration.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import { API_VERSION } from '../model/names.ts'
import { HOLD_REASONS } from '../model/reasons.ts'
import { policyRefOf } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { reasonEntry } from './reasons.ts'
import { clip, lastBegun } from './status-fields.ts'

/** One Event to be: without times and names. */
export interface EventMessage {
  readonly regarding: Omit<ObjectRef, 'namespace'> & { readonly namespace?: string | undefined }
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** Longest message that the events API takes. */
const MAX_MESSAGE = 1_024

const HOLDS: ReadonlySet<string> = new Set(HOLD_REASONS)

const target = ({ spec }: Remediation): string => `${spec.target.kind} ${spec.target.name}`

/** What a person would ask for first; an Event is only somebody's word. */
const EVIDENT: ReadonlySet<string> = new Set(['Registry', 'PodStatus', 'NodeStatus', 'Agent'])

const because = ({ spec, status }: Remediation): string => {
  const cause = status?.cause ?? spec.cause
  const evidence = (status?.evidence ?? spec.evidence ?? []).findLast(({ fact }) => EVIDENT.has(fact))?.message
  return `because of ${cause}${evidence ? ` (${clip(evidence, 240)})` : ''}`
}

const undoHint = ({ metadata: { name, namespace } }: Remediation): string =>
  `undo with: kubectl mend undo rem/${name} -n ${namespace ?? 'default'}`

const approveHint = ({ metadata: { name, namespace } }: Remediation): string =>
  `decide with: kubectl mend approve ${name} -n ${namespace ?? 'default'}, or deny`

const carriedOut = (record: Remediation, step: RemediationStep): { reason: string; message: string } => {
  const { event, text, undo } = remedyOf(step.action)
  const message = `${text.done(step, record.spec.target)} ${because(record)}${undo ? `; ${undoHint(record)}` : ''}`
  return { reason: event.reason, message }
}

const repaired = (record: Remediation, status: RemediationStatus): string => {
  const began = parseTime(status.firstSeen) ?? parseTime(status.startedAt)
  const ended = parseTime(status.finishedAt)
  const took = began !== undefined && ended !== undefined ? ` after ${formatDuration(ended - began)}` : ''
  const fix = status.permanentFix ? `; for good: ${status.permanentFix}` : ''
  return `Repaired ${target(record)}${took}: ${status.message ?? 'its containers run'}${fix}`
}

const moved = (record: Remediation, status: RemediationStatus): string => {
  const { reason = '', message = '', steps = [] } = status
  if (reason === 'Repaired') return repaired(record, status)
  if (!HOLDS.has(reason)) return `${target(record)}: ${message}`
  const proposal = steps.at(-1)?.state === 'Planned' ? steps.at(-1) : undefined
  const plan = proposal ? `; it would ${remedyOf(proposal.action).text.step(proposal)} ${because(record)}` : ''
  const hint = proposal && reason === 'AwaitingApproval' ? `; ${approveHint(record)}` : ''
  return `podmend leaves ${target(record)} alone: ${message}${plan}${hint}`
}

const addressed = (record: Remediation, reason: string, message: string): readonly EventMessage[] => {
  const { type, events } = reasonEntry(reason)
  if (events === 'none') return []
  const { target: owner } = record.spec
  const policy = policyRefOf(record)
  const note = { type, reason, message: clip(message, MAX_MESSAGE) }
  if (events === 'owner') return [{ ...note, regarding: owner }]
  const regarding = { apiVersion: API_VERSION, kind: 'RemediationPolicy', name: policy.name, uid: policy.uid }
  // The record of a node lies in the operator's namespace, which says nothing of where it is.
  const where = record.metadata.namespace && owner.kind !== 'Node' ? `${record.metadata.namespace}: ` : ''
  return [
    { ...note, regarding: owner },
    { ...note, regarding, message: clip(`${where}${message}`, MAX_MESSAGE) },
  ]
}

/** What became of a record between two writes: notes on its workload and, where it concerns it, on the policy. */
export const eventsOf = (before: RemediationStatus | undefined, record: Remediation): readonly EventMessage[] => {
  const { status } = record
  if (!status || status === before) return []
  const notes: EventMessage[] = []
  const step = lastBegun(status.steps ?? [])
  const was = lastBegun(before?.steps ?? [])
  if (step && was?.state === 'Intended' && (step.state === 'Done' || step.state === 'Succeeded')) {
    const done = carriedOut(record, step)
    notes.push(...addressed(record, done.reason, done.message))
  }
  if (status.reason !== undefined && (status.reason !== before?.reason || status.phase !== before.phase)) {
    notes.push(...addressed(record, status.reason, moved(record, status)))
  }
  return notes
}

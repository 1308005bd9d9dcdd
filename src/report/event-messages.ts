/** What a change of a record has to tell, as sentences for whoever reads `kubectl describe` at night. Pure. */
import type { Remediation } from '../api/kinds.ts'
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { formatDuration, parseTime } from '../model/duration.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import { API_VERSION } from '../model/names.ts'
import { HOLD_REASONS } from '../model/reasons.ts'
import { policyRefOf } from '../model/remediation-state.ts'
import { type Reason, reasonEntry } from './reasons.ts'
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
  const evidence = (status?.evidence ?? spec.evidence ?? []).findLast(({ fact }) => EVIDENT.has(fact))?.says
  return `because of ${cause}${evidence ? ` (${clip(evidence, 240)})` : ''}`
}

const sayPods = (pods: readonly { readonly name: string; readonly namespace?: string | undefined }[]): string => {
  const names = pods.slice(0, 5).map(({ name, namespace }) => (namespace === undefined ? name : `${namespace}/${name}`))
  return `${pods.length === 1 ? 'pod' : 'pods'} ${names.join(', ')}${pods.length > 5 ? ` and ${pods.length - 5} more` : ''}`
}

const imagesIn = (changes: RemediationStep['changes'] = []): string =>
  changes
    .map(
      ({ container, init, from, to }) =>
        `image of ${init ? 'init container' : 'container'} ${container} from ${from} to ${to}`,
    )
    .join(', ')

/** What a step would do, as a clause without a subject. */
const deedOf = ({ action, changes, pods = [], node }: RemediationStep): string => {
  switch (action) {
    case 'RewriteImage':
      return `rewrite ${imagesIn(changes)}`
    case 'RecyclePod':
      return `delete ${sayPods(pods)}`
    case 'RecycleSandbox':
      return `recycle the sandboxes of ${sayPods(pods)}`
    case 'RestartRuntime':
      return `restart ${node?.runtime ?? 'the runtime'} (${node?.touches ?? ''})`
    case 'FlagNode':
      return `flag it (${node?.message ?? ''})`
    case 'InstallMountHelper':
      return `install mount.${node?.detail ?? ''} there`
  }
}

const undoHint = ({ metadata: { name, namespace } }: Remediation): string =>
  `undo with: kubectl mend undo rem/${name} -n ${namespace ?? 'default'}`

/** Where images were written: of Jobs in pods too, and of a Job alone in nothing else. */
const placeOf = (record: Remediation, { action, pods = [] }: RemediationStep): string => {
  const { kind } = record.spec.target
  const name = target(record)
  if (action !== 'RewriteImage' || pods.length === 0 || (kind !== 'Job' && kind !== 'CronJob')) return name
  return kind === 'Job' ? `${sayPods(pods)} of ${name}` : `${name} and ${sayPods(pods)}`
}

const approveHint = ({ metadata: { name, namespace } }: Remediation): string =>
  `decide with: kubectl mend approve ${name} -n ${namespace ?? 'default'}, or deny`

const carriedOut = (record: Remediation, step: RemediationStep): { reason: Reason; message: string } => {
  const why = because(record)
  const on = target(record)
  switch (step.action) {
    case 'RewriteImage': {
      const what = `Rewrote ${imagesIn(step.changes)} in ${placeOf(record, step)}`
      return { reason: 'ImageRewritten', message: `${what} ${why}; ${undoHint(record)}` }
    }
    case 'RecyclePod':
      return {
        reason: 'PodRecycled',
        message: `Deleted ${sayPods(step.pods ?? [])} in ${placeOf(record, step)} ${why}`,
      }
    case 'RecycleSandbox':
    case 'RestartRuntime':
      return { reason: 'NodeTaskCreated', message: `Ordered the agent of ${on} to ${deedOf(step)} ${why}` }
    case 'FlagNode':
      return { reason: 'NodeFlagged', message: `Flagged ${on} ${why}: ${step.node?.message ?? ''}` }
    case 'InstallMountHelper':
      return { reason: 'HelperInstalling', message: `Created a pod on ${on} to ${deedOf(step)} ${why}` }
  }
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
  const plan = proposal ? `; it would ${deedOf(proposal)} ${because(record)}` : ''
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

/**
 * Events: the reasons of records, with whether each sends an Event and to whom; the messages for each change of a record
 * (pure); and the writer. A failed write is logged and otherwise ignored. Repeating a message about the same object
 * increments the count of one Event.
 */
import { createHash } from 'node:crypto'
import PQueue from 'p-queue'
import type { Remediation } from '../api/kinds.ts'
import type { RemediationReason, RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { GUARDRAILS } from '../decide/guardrails/chain.ts'
import type { KubeClient } from '../kube/client.ts'
import { pathOf } from '../kube/paths.ts'
import { formatDuration, isoTime, parseTime } from '../model/duration.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import { API_VERSION } from '../model/names.ts'
import { clip, printable } from '../model/printable.ts'
import type { HoldReason } from '../model/reasons.ts'
import { isHoldReason, lastBegun, policyRefOf } from '../model/remediation-state.ts'
import { REMEDIES, remedyOf } from '../remedies/list.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'

// The reasons of statuses, conditions, Events and metrics.

/** Reasons of Events, in addition to those of statuses and remedies. */
export const EVENT_REASONS = ['FlagCleared', 'StaleRead'] as const

export type Reason = RemediationReason | (typeof EVENT_REASONS)[number]

export interface ReasonEntry {
  readonly type: 'Normal' | 'Warning'
  /** Objects that get an Event: none, the workload, or the workload and the policy. */
  readonly events: 'none' | 'owner' | 'both'
  readonly meaning: string
}

const entry = (type: ReasonEntry['type'], events: ReasonEntry['events'], meaning: string): ReasonEntry => ({
  type,
  events,
  meaning,
})

const OUTCOMES: Readonly<Record<Exclude<Reason, HoldReason>, ReasonEntry>> = {
  Acting: entry('Normal', 'none', 'The intent is recorded; the write follows.'),
  Verifying: entry('Normal', 'none', 'The write was accepted; podmend is checking whether it helps.'),
  FlagCleared: entry(
    'Normal',
    'owner',
    'The problem that a node was flagged for is over; condition, label and taint are removed.',
  ),
  StaleRead: entry('Normal', 'none', 'The object changed before the write; nothing was written, retrying.'),
  Repaired: entry(
    'Normal',
    'both',
    'All containers have been running for the stabilization window; on a node, its problem is over.',
  ),
  DidNotHelp: entry('Warning', 'both', 'The remedy did not help before its timeout.'),
  OwnerGone: entry('Normal', 'owner', 'The workload no longer exists.'),
  ScaledToZero: entry('Normal', 'owner', 'The workload is scaled to zero.'),
  Recovered: entry('Normal', 'none', 'The workload or the node recovered by itself.'),
  NoPolicy: entry('Normal', 'none', 'No policy matches any more.'),
  WriteRefused: entry('Warning', 'both', 'The API server refused the write.'),
  Undone: entry('Normal', 'both', 'The remedy did not help and was undone.'),
  Denied: entry('Normal', 'both', 'A person denied the plan.'),
  Expired: entry('Warning', 'both', 'The plan was neither approved nor denied in time.'),
  Flagged: entry(
    'Warning',
    'none',
    'The node is flagged; a person, or a policy that installs the helper, has to do the rest.',
  ),
  Withdrawn: entry(
    'Normal',
    'owner',
    'A step that was started but not written is not planned any more, or is too old; it does not count, and the incident is decided again.',
  ),
  Superseded: entry('Normal', 'none', 'Another revision of the workload fails now and has its own record.'),
}

const sentence = (clause: string): string => `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`

const HELD = GUARDRAILS.map(({ reason, event: [type, on], when }) => [reason, entry(type, on, sentence(when))] as const)

const DONE = Object.values(REMEDIES).map(
  ({ event: { reason, type, meaning } }) => [reason, entry(type, 'both', meaning)] as const,
)

/** All reasons: of guardrails, outcomes and remedies. */
export const REASONS: Readonly<Record<string, ReasonEntry>> = Object.fromEntries([
  ...HELD,
  ...Object.entries(OUTCOMES),
  ...DONE,
])

/** The entry of a reason. Default: a Warning on the workload. */
export const reasonEntry = (reason: string): ReasonEntry => REASONS[reason] ?? entry('Warning', 'owner', reason)

// The messages.

/** An Event before it is written: without times and names. */
export interface EventMessage {
  readonly regarding: Omit<ObjectRef, 'namespace'> & { readonly namespace?: string | undefined }
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** Maximum length of a message in the events API. */
const MAX_MESSAGE = 1_024

const target = ({ spec }: Remediation): string => `${spec.target.kind} ${spec.target.name}`

/** Evidence to quote. Excludes Events, which anyone may create. */
const EVIDENT: ReadonlySet<string> = new Set(['Registry', 'PodStatus', 'NodeStatus', 'Agent'])

const causeOf = ({ spec, status }: Remediation): string => {
  const evidence = (status?.evidence ?? spec.evidence ?? []).findLast(({ fact }) => EVIDENT.has(fact))?.message
  return `${status?.cause ?? spec.cause}${evidence ? ` (${clip(evidence, 240)})` : ''}`
}

const because = (record: Remediation): string => `because of ${causeOf(record)}`

const undoHint = ({ metadata: { name, namespace } }: Remediation): string =>
  `undo with: kubectl mend undo rem/${name} -n ${namespace ?? 'default'}`

const approveHint = ({ metadata: { name, namespace } }: Remediation): string =>
  `Decide with: kubectl mend approve ${name} -n ${namespace ?? 'default'} (or deny)`

const carriedOut = (record: Remediation, step: RemediationStep): { reason: string; message: string } => {
  const { event, text, undo } = remedyOf(step.action)
  const message = `${text.done(step, record.spec.target)} ${because(record)}${undo ? `; ${undoHint(record)}` : ''}`
  return { reason: event.reason, message }
}

const repaired = (record: Remediation, status: RemediationStatus): string => {
  const began = parseTime(status.firstSeen) ?? parseTime(status.startedAt)
  const ended = parseTime(status.finishedAt)
  const took = began !== undefined && ended !== undefined ? ` after ${formatDuration(ended - began)}` : ''
  const fix = status.permanentFix ? `; permanent fix: ${status.permanentFix}` : ''
  return `Repaired ${target(record)}${took}: ${status.message ?? 'its containers run'}${fix}`
}

const moved = (record: Remediation, status: RemediationStatus): string => {
  const { reason = '', message = '', steps = [] } = status
  if (reason === 'Repaired') return repaired(record, status)
  if (!isHoldReason(reason)) return `${target(record)}: ${message}`
  const proposal = steps.at(-1)?.state === 'Planned' ? steps.at(-1) : undefined
  const step = proposal && remedyOf(proposal.action).text.step(proposal)
  // The message of a policy in mode Observe already contains what it would do.
  const plan = proposal
    ? status.phase === 'Observed'
      ? `. Cause: ${causeOf(record)}`
      : `. Planned: ${step} ${because(record)}`
    : ''
  const hint = proposal && reason === 'AwaitingApproval' ? `. ${approveHint(record)}` : ''
  return `Holding remediation of ${target(record)}: ${message}${plan}${hint}`
}

const addressed = (record: Remediation, reason: string, message: string): readonly EventMessage[] => {
  const { type, events } = reasonEntry(reason)
  if (events === 'none') return []
  const { target: owner } = record.spec
  const policy = policyRefOf(record)
  const event = { type, reason, message: clip(message, MAX_MESSAGE) }
  if (events === 'owner') return [{ ...event, regarding: owner }]
  const regarding = { apiVersion: API_VERSION, kind: 'RemediationPolicy', name: policy.name, uid: policy.uid }
  // The record of a node is in the operator's namespace, which does not say where the node is.
  const where = record.metadata.namespace && owner.kind !== 'Node' ? `${record.metadata.namespace}: ` : ''
  return [
    { ...event, regarding: owner },
    { ...event, regarding, message: clip(`${where}${message}`, MAX_MESSAGE) },
  ]
}

/** The Events for a change of a record, on its workload and, where relevant, on the policy. */
export const eventsOf = (before: RemediationStatus | undefined, record: Remediation): readonly EventMessage[] => {
  const { status } = record
  if (!status || status === before) return []
  const messages: EventMessage[] = []
  const step = lastBegun(status.steps ?? [])
  const was = lastBegun(before?.steps ?? [])
  if (step && was?.state === 'Intended' && (step.state === 'Done' || step.state === 'Succeeded')) {
    const done = carriedOut(record, step)
    messages.push(...addressed(record, done.reason, done.message))
  }
  if (status.reason !== undefined && (status.reason !== before?.reason || status.phase !== before.phase)) {
    messages.push(...addressed(record, status.reason, moved(record, status)))
  }
  return messages
}

// The writer.

const REPORTING_COMPONENT = 'podmend.io/controller'
/** Within this time after the last occurrence, a repeated message updates the same Event. */
const SAME_MS = 10 * 60_000
/** Minimum time between updates of the count of an Event. */
const BUMP_MS = 5 * 60_000
const MAX_REMEMBERED = 2_000
/** Limit for concurrent writes of Events: they must not use up the connections that workload writes need. */
const CONCURRENCY = 2
const MAX_WAITING = 1_000
/** Namespace of Events about cluster-scoped objects. */
const CLUSTER_SCOPED_NAMESPACE = 'default'

export interface EventWriterDeps {
  readonly client: Pick<KubeClient, 'create' | 'patch'>
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** The reporting process, e.g. its pod's name. */
  readonly instance: string
  readonly onFailure: (error: unknown, event: EventMessage) => void
}

interface Remembered {
  readonly name: string
  readonly namespace: string
  count: number
  /** Monotonic ms. */
  lastAt: number
  writtenAt: number
}

export interface EventWriter {
  /** Resolves when all are written or dropped; never rejects. */
  readonly emit: (messages: readonly EventMessage[]) => Promise<void>
}

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** Builds a core/v1 Event. Pure. `now` in ms since the epoch. */
export const eventOf = (event: EventMessage, now: number, instance: string) => {
  const { regarding, type, reason, message } = event
  const namespace = regarding.namespace ?? CLUSTER_SCOPED_NAMESPACE
  const name = `${regarding.name.slice(0, 200)}.${digest(regarding.uid, reason, message, String(now)).slice(0, 16)}`
  const { apiVersion, kind, uid } = regarding
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion,
      kind,
      name: regarding.name,
      uid,
      ...(regarding.namespace !== undefined && { namespace: regarding.namespace }),
    },
    type,
    reason,
    message: printable(message),
    count: 1,
    firstTimestamp: isoTime(now),
    lastTimestamp: isoTime(now),
    source: { component: 'podmend' },
    reportingComponent: REPORTING_COMPONENT,
    reportingInstance: instance,
  }
}

export const createEventWriter = ({ client, clock, instance, onFailure }: EventWriterDeps): EventWriter => {
  const remembered = new Map<string, Remembered>()

  const write = async (event: EventMessage): Promise<void> => {
    const at = clock.monotonic()
    const key = digest(event.regarding.uid, event.reason, event.message)
    const seen = remembered.get(key)
    if (seen && at - seen.lastAt < SAME_MS) {
      seen.count += 1
      seen.lastAt = at
      setBounded(remembered, key, seen, MAX_REMEMBERED)
      if (at - seen.writtenAt < BUMP_MS) return
      seen.writtenAt = at
      const path = pathOf({ kind: 'Event', namespace: seen.namespace, name: seen.name })
      await client.patch(path, { count: seen.count, lastTimestamp: isoTime(clock.now()) }, { type: 'merge' })
      return
    }
    const body = eventOf(event, clock.now(), instance)
    const { name, namespace } = body.metadata
    setBounded(remembered, key, { name, namespace, count: 1, lastAt: at, writtenAt: at }, MAX_REMEMBERED)
    try {
      await client.create(pathOf({ kind: 'Event', namespace }), body)
    } catch (error) {
      remembered.delete(key)
      throw error
    }
  }

  const queue = new PQueue({ concurrency: CONCURRENCY })
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    if (queue.size >= MAX_WAITING) return Promise.reject(new Error(`dropping an Event: ${MAX_WAITING} wait already`))
    return queue.add(work)
  }

  return {
    emit: async (messages) => {
      const all = messages.map((event) => inTurn(() => write(event)).catch((error: unknown) => onFailure(error, event)))
      await Promise.all(all)
    },
  }
}

/**
 * The stage as the controller uses it: each call writes the record once, then tells it: Events, metrics, and what the
 * policy's status has to know.
 */
import type { Remediation } from '../api/objects.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import type { EventWriter } from './events.ts'
import { attemptsOfRecord, type Ledger } from './ledger.ts'
import type { Metrics } from './metrics.ts'
import { notesOf } from './notes.ts'
import type { PolicyStatusWriter } from './policy-status-writer.ts'
import { type Opened, openRecord, type RecordApi, recordChange, recordIntent, type Subject } from './record.ts'
import type { StatusChange } from './status-change.ts'
import { tallyOf } from './tally.ts'

export interface ReportDeps {
  readonly kube: RecordApi
  readonly events: EventWriter
  readonly metrics: Pick<Metrics, 'count' | 'incident'>
  readonly policies: Pick<PolicyStatusWriter, 'tell'>
  readonly ledger: Ledger
  /** Told of every version of a record that was written, at once. */
  readonly onRecord: (record: Remediation) => void
}

export interface Report {
  /** The incident's record, made where there is none. */
  readonly open: (subject: Subject) => Promise<Opened>
  /** Must have resolved before anything is written elsewhere; throws `Retry` where someone else was faster. */
  readonly intend: (
    record: Remediation,
    change: Extract<StatusChange, { kind: 'Intended' | 'UndoIntended' }>,
  ) => Promise<Remediation>
  /** What happened; once, at the end of a run. Events are on their way when it resolves. */
  readonly tell: (record: Remediation, change: StatusChange) => Promise<Remediation>
}

type Times = readonly { readonly incident: string; readonly at: number }[]

/** Attempts that stand in one status and not in the other. */
const attemptsBetween = (
  record: Remediation,
  status: RemediationStatus | undefined,
  other: RemediationStatus | undefined,
): Times => {
  const others = new Set(other?.attempts ?? [])
  const only = (status?.attempts ?? []).filter((time) => !others.has(time))
  return only.length === 0 ? [] : attemptsOfRecord({ ...record, status: { attempts: only } })
}

export const createReport = ({ kube, events, metrics, policies, ledger, onRecord }: ReportDeps): Report => {
  const publish = (before: RemediationStatus | undefined, record: Remediation): void => {
    const { status } = record
    onRecord(record)
    if (status === before) return
    metrics.count(tallyOf(before, record))
    void events.emit(notesOf(before, record))
    const policy = record.spec.policy.name
    const attempts = attemptsBetween(record, status, before).map(({ incident, at }) => ({ incident, at }))
    const takenBack = attemptsBetween(record, before, status).map(({ incident, at }) => ({ incident, at }))
    for (const attempt of attempts) ledger.add({ policy, ...attempt })
    for (const attempt of takenBack) ledger.takeBack({ policy, ...attempt })
    const succeeded = status?.phase === 'Succeeded' && before?.phase !== 'Succeeded'
    if (attempts.length + takenBack.length > 0 || succeeded) {
      policies.tell(policy, {
        ...(attempts.length > 0 && { attempts }),
        ...(takenBack.length > 0 && { takenBack }),
        ...(succeeded && { succeeded: 1 }),
      })
    }
  }

  const told = async (record: Remediation, write: Promise<Remediation>): Promise<Remediation> => {
    const after = await write
    if (after !== record) publish(record.status, after)
    return after
  }

  return {
    open: async (subject) => {
      const opened = await openRecord(subject, kube)
      metrics.incident(`${subject.incident.key}/${subject.incident.templateHash}`, subject.diagnosis.cause)
      onRecord(opened.record)
      return opened
    },
    intend: (record, change) => told(record, recordIntent(record, change, kube)),
    tell: (record, change) => told(record, recordChange(record, change, kube)),
  }
}

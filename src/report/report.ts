/**
 * The stage as the controller uses it: each call writes the record once, then tells it: Events, metrics, and what the
 * policy's status has to know.
 */
import { governingPolicy } from '../api/governing-policy.ts'
import type { Remediation } from '../api/objects.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import type { EventWriter } from './events.ts'
import type { Ledger } from './ledger.ts'
import type { Metrics } from './metrics.ts'
import { notesOf } from './notes.ts'
import { newsOf } from './policy-news.ts'
import type { PolicyStatusWriter } from './policy-status-writer.ts'
import { type Opened, openRecord, type RecordApi, recordChange, recordIntent, type Subject } from './record.ts'
import type { StatusChange } from './status-change.ts'
import { tallyOf } from './tally.ts'

export interface ReportDeps {
  readonly kube: RecordApi
  /** Where the records of nodes lie. */
  readonly operatorNamespace: string
  readonly events: EventWriter
  readonly metrics: Pick<Metrics, 'count' | 'incident'>
  readonly policies: Pick<PolicyStatusWriter, 'tell'>
  readonly ledger: Pick<Ledger, 'heard'>
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

export const createReport = ({
  kube,
  operatorNamespace,
  events,
  metrics,
  policies,
  ledger,
  onRecord,
}: ReportDeps): Report => {
  const publish = (before: RemediationStatus | undefined, record: Remediation): void => {
    const { status } = record
    onRecord(record)
    if (status === before) return
    metrics.count(tallyOf(before, record))
    void events.emit(notesOf(before, record))
    const news = newsOf(before, record)
    if (!news) return
    const { name } = governingPolicy(record)
    ledger.heard(name, news)
    policies.tell(name, news)
  }

  const told = async (record: Remediation, write: Promise<Remediation>): Promise<Remediation> => {
    const after = await write
    if (after !== record) publish(record.status, after)
    return after
  }

  return {
    open: async (subject) => {
      const opened = await openRecord(subject, kube, operatorNamespace)
      metrics.incident(`${subject.incident.key}/${subject.incident.templateHash}`, subject.diagnosis.cause)
      onRecord(opened.record)
      return opened
    },
    intend: (record, change) => told(record, recordIntent(record, change, kube)),
    tell: (record, change) => told(record, recordChange(record, change, kube)),
  }
}

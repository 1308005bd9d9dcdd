/**
 * The stage as the controller uses it: each call writes the record once, then tells it: Events, metrics, and what the
 * policy's status has to know.
 */
import type { Remediation } from '../api/kinds.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import type { Config } from '../config/config.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Diagnosis, Facts, Incident } from '../model/incident.ts'
import type { ContainerStatus, Pod } from '../model/kubernetes.ts'
import type { Outcome, RewriteImagePlan } from '../model/plan.ts'
import { policyRefOf, openRecordOf as knownRecordOf } from '../model/remediation-state.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Policies } from '../watch/policy-cache.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import type { AttemptHistory } from './attempts.ts'
import { type EventMessage, eventsOf } from './event-messages.ts'
import { createEventWriter, type EventWriter } from './events.ts'
import { type Metrics, metricsDeltaOf } from './metrics.ts'
import { createPolicyStatusWriter, type PolicyStatusWriter } from './policy-status-writer.ts'
import { createPolicyStatusUpdater, updatesOf, type PolicyStatusUpdater } from './policy-status.ts'
import {
  type Opened,
  openRecord,
  type RecordApi,
  recordChange,
  recordIntent,
  sightOf,
  type Subject,
} from './remediation.ts'
import type { StatusChange, VerdictOf } from './status-fields.ts'

export interface ReportDeps {
  readonly kube: RecordApi
  /** Where the records of nodes lie. */
  readonly operatorNamespace: string
  readonly events: EventWriter
  readonly metrics: Pick<Metrics, 'count' | 'incident'>
  readonly policies: Pick<PolicyStatusWriter, 'tell'>
  readonly attemptHistory: Pick<AttemptHistory, 'heard'>
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
  attemptHistory,
  onRecord,
}: ReportDeps): Report => {
  const publish = (before: RemediationStatus | undefined, record: Remediation): void => {
    const { status } = record
    onRecord(record)
    if (status === before) return
    metrics.count(metricsDeltaOf(before, record))
    void events.emit(eventsOf(before, record))
    const updates = updatesOf(before, record)
    if (!updates) return
    const { name } = policyRefOf(record)
    attemptHistory.heard(name, updates)
    policies.tell(name, updates)
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

// What can be told of an incident, each by one call: finds or opens its record, then moves it on.

export interface ReporterDeps {
  readonly report: Report
  readonly metrics: Pick<Metrics, 'incident' | 'answered'>
  /** The record that is open for an incident, as it is known without a read. */
  readonly openRecordOf: (incident: Incident) => Remediation | undefined
  readonly now: () => number
}

type Closing = Extract<StatusChange, { kind: 'Closed' }>['reason']

export interface Reporter {
  readonly hold: (incident: Incident, verdict: VerdictOf<'Hold'>) => Promise<Remediation>
  /** Rejects with `Retry` where somebody else moved the record: then nothing may be written. */
  readonly intend: (incident: Incident, verdict: VerdictOf<'Act'>) => Promise<Remediation>
  readonly intendUndo: (incident: Incident, record: Remediation, plan: RewriteImagePlan) => Promise<Remediation>
  readonly acted: (incident: Incident, record: Remediation, outcome: Outcome) => Promise<Remediation>
  /** `facts`: the owner's pods, for the digests that now run; orders to agents, whose answers are counted. */
  readonly verified: (
    incident: Incident,
    record: Remediation,
    verdict: VerdictOf<'Verify'>,
    facts: Pick<Facts, 'pods' | 'tasks'>,
  ) => Promise<Remediation>
  readonly close: (record: Remediation, reason: Closing, message: string) => Promise<Remediation>
  /** An incident that no policy answers to is counted, and nothing is written. */
  readonly ignored: (incident: Incident, diagnosis: Diagnosis) => void
}

const DIGEST = /sha256:[0-9a-f]{64}/

const digestOf = ({ imageID }: ContainerStatus): string | undefined => DIGEST.exec(imageID ?? '')?.[0]

/** Digests that run, by container, as the kubelets told; containers that wait tell none. */
export const runningDigests = (pods: readonly Pod[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    pods.flatMap(({ status }) =>
      [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap((container) => {
        const digest = container.state?.waiting ? undefined : digestOf(container)
        return digest === undefined ? [] : [[container.name, digest] as const]
      }),
    ),
  )

export const createReporter = ({ report, metrics, openRecordOf, now }: ReporterDeps): Reporter => {
  const recordOf = async (
    incident: Incident,
    { policy, diagnosis }: VerdictOf<'Hold'> | VerdictOf<'Act'>,
  ): Promise<Remediation> => openRecordOf(incident) ?? (await report.open({ incident, diagnosis, policy })).record

  const seen = (incident: Incident) => ({ at: now(), sight: sightOf(incident) })

  return {
    hold: async (incident, verdict) =>
      report.tell(await recordOf(incident, verdict), { kind: 'Held', ...seen(incident), verdict }),
    intend: async (incident, verdict) =>
      report.intend(await recordOf(incident, verdict), { kind: 'Intended', ...seen(incident), verdict }),
    intendUndo: (incident, record, plan) => report.intend(record, { kind: 'UndoIntended', ...seen(incident), plan }),
    acted: (incident, record, outcome) => report.tell(record, { kind: 'Acted', ...seen(incident), outcome }),
    verified: (incident, record, verdict, { pods, tasks }) => {
      if (tasks?.known) metrics.answered(tasks.value)
      const digests = runningDigests(pods?.known ? pods.value : [])
      return report.tell(record, { kind: 'Proven', ...seen(incident), verdict, digests })
    },
    close: (record, reason, message) => report.tell(record, { kind: 'Closed', at: now(), reason, message }),
    ignored: ({ key, templateHash }, { cause }) => metrics.incident(`${key}/${templateHash}`, cause),
  }
}

export interface ReportingDeps {
  readonly config: Pick<Config, 'identity' | 'namespace'>
  readonly client: KubeClient
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly records: RemediationCache
  readonly policies: Policies
  readonly attemptHistory: AttemptHistory
}

export interface Reporting {
  readonly reporter: Reporter
  readonly policyStatusUpdates: PolicyStatusUpdater
  /** Events that speak of no record. */
  readonly emit: (notes: readonly EventMessage[]) => void
  /** Writes what policies still have to be told; for the end of the process. */
  readonly flush: () => Promise<void>
}

/** The report stage wired: records first, then Events, metrics, log, and the policies' status. */
export const createReporting = ({
  config,
  client,
  clock,
  log,
  metrics,
  records,
  policies,
  attemptHistory,
}: ReportingDeps): Reporting => {
  const now = () => clock.now()
  const failed = (message: string) => (error: unknown, about: object | string) =>
    log.warn(message, { err: error, about })
  const events = createEventWriter({
    kube: client,
    now,
    instance: config.identity,
    onFailure: failed('event not written'),
  })
  const policyStatus = createPolicyStatusWriter({
    kube: client,
    clock,
    seen: policies.seen,
    onFailure: failed('policy status not written'),
  })
  const policyStatusUpdates = createPolicyStatusUpdater({ policies, records, tell: policyStatus.tell })
  const report = createReport({
    kube: client,
    operatorNamespace: config.namespace,
    events,
    metrics,
    policies: policyStatus,
    attemptHistory,
    onRecord: (record) => {
      const before = records.get(record.metadata.uid) ?? record
      records.put(record)
      logRecord(log, record)
      new Set([before, record].map((each) => policyRefOf(each).name)).forEach(policyStatusUpdates.counted)
    },
  })
  const openRecordOf: Parameters<typeof createReporter>[0]['openRecordOf'] = ({ owner, area, templateHash }) =>
    knownRecordOf(records.of(owner.ref.uid, area), templateHash)
  return {
    reporter: createReporter({ report, metrics, openRecordOf, now }),
    policyStatusUpdates,
    emit: (notes) => void events.emit(notes),
    flush: policyStatus.flush,
  }
}

/** One line for each move of a record: what was decided or done, and why. */
export const logRecord = (log: Log, record: Remediation): void => {
  const { metadata, spec, status } = record
  if (!status?.phase) return
  const { namespace, name } = metadata
  log.info('remediation moved', {
    phase: status.phase,
    reason: status.reason,
    target: [spec.target.kind, [spec.target.namespace, spec.target.name].filter(Boolean).join('/')].join(' '),
    cause: status.cause ?? spec.cause,
    policy: policyRefOf(record).name,
    record: `${namespace ?? ''}/${name}`,
    says: status.message,
  })
}

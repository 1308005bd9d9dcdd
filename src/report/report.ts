/**
 * Reports of the controller: writes each change to the record once, then emits Events, metrics, a log line and updates of
 * the policy's status.
 */
import type { NodeTask, Remediation } from '../api/kinds.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import type { Config } from '../config/config.ts'
import type { KubeClient } from '../kube/client.ts'
import { notFound, Retry } from '../kube/errors.ts'
import type { Diagnosis, Incident } from '../model/incident.ts'
import { GROUP } from '../model/names.ts'
import type { RbacGrant } from '../model/rbac.ts'
import { openRecordOf, type PolicyRef, policyRefOf } from '../model/remediation-state.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { PolicyCache } from '../watch/policy-cache.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import type { AttemptHistory } from './attempts.ts'
import { createEventWriter, type EventMessage, eventsOf } from './events.ts'
import { type Metrics, metricsDeltaOf } from './metrics.ts'
import { createLostAnswers, observationOf, openRecord, recordChange, recordIntent } from './remediation.ts'
import { admissionUpdates, createPolicyStatusWriter, type PolicyStatusUpdate, updatesOf } from './policy-status.ts'
import type { Change } from './status.ts'

/** @public Needed even in a cluster where nothing may be changed. Collected by `npm run generate`. */
export const RBAC: RbacGrant = {
  action: 'observe',
  rules: [
    {
      apiGroups: [GROUP],
      resources: ['remediations'],
      verbs: ['get', 'list', 'watch', 'create', 'delete'],
      why: 'to keep a record of each incident and delete expired ones',
    },
    {
      apiGroups: [GROUP],
      resources: ['remediations/status'],
      verbs: ['update'],
      why: 'to record what is held, done and verified',
    },
    {
      apiGroups: [GROUP],
      resources: ['remediationpolicies'],
      verbs: ['get', 'list', 'watch'],
      why: 'to read policies',
    },
    {
      apiGroups: [GROUP],
      resources: ['remediationpolicies/status'],
      verbs: ['update'],
      why: 'to report on each policy whether it is in force and what it has done',
    },
    {
      apiGroups: [''],
      resources: ['events'],
      verbs: ['create', 'patch'],
      why: 'to report on workloads and policies what is done and what is held',
    },
  ],
}

export interface ReportDeps {
  readonly config: Pick<Config, 'identity' | 'namespace'>
  readonly client: KubeClient
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly state: {
    readonly remediations: RemediationCache
    readonly policies: PolicyCache
    readonly attempts: AttemptHistory
  }
}

export interface Report {
  /**
   * The open record of an incident in the version that was decided on, or a new one. Call it in the same turn as the decision.
   * Rejects with `Retry` if the decision did not see the record, which is known afterwards.
   */
  readonly recordOf: (
    incident: Incident,
    about: { readonly diagnosis: Diagnosis; readonly policy: PolicyRef },
  ) => Promise<Remediation>
  /**
   * Writes a change to a record once and reports it; Events may still be in flight when it resolves. Await it for an
   * intent before writing anything else: it rejects with `Retry` if another writer has changed the record.
   */
  readonly write: (record: Remediation, change: Change, incident?: Incident) => Promise<Remediation>
  /** A watch reported the record: reports a change whose answer was lost and that took effect after all. */
  readonly saw: (record: Remediation) => void
  /** Counts an incident that no policy matches; writes nothing. */
  readonly ignored: (incident: Incident, diagnosis: Diagnosis) => void
  /** Counts tasks that agents completed. */
  readonly completed: (tasks: readonly NodeTask[]) => void
  /** A policy was added, changed or deleted: updates the status of each. */
  readonly policiesChanged: () => void
  /** Emits Events about something without a record. */
  readonly emit: (messages: readonly EventMessage[]) => void
  /** Flushes pending policy statuses at shutdown. */
  readonly flush: () => Promise<void>
}

export const createReport = ({ config, client, clock, log, metrics, state }: ReportDeps): Report => {
  const { remediations, policies, attempts } = state
  const now = () => clock.now()
  const failed = (message: string) => (error: unknown, about: object | string) =>
    log.warn(message, { err: error, about })
  const events = createEventWriter({ client, clock, instance: config.identity, onFailure: failed('event not written') })
  const policyStatus = createPolicyStatusWriter({
    client,
    clock,
    cached: policies.named,
    onFailure: failed('policy status not written'),
  })

  /**
   * What a policy's status counts, all of it, from records and what was written: an answer may have been lost, or the
   * process killed, before a change was counted.
   */
  const countsOf = (name: string): PolicyStatusUpdate => {
    const uid = policies.named(name)?.metadata.uid
    return {
      ...remediations.countOf(name),
      ...(uid !== undefined && { succeededAtLeast: remediations.countSucceeded(uid) }),
      attempts: attempts.stored().filter(({ policy }) => policy === name),
    }
  }

  const lostAnswers = createLostAnswers()

  const remember = (record: Remediation): void => {
    const before = remediations.get(record.metadata.uid) ?? record
    remediations.put(record)
    logRecord(log, record)
    for (const name of new Set([before, record].map((each) => policyRefOf(each).name)))
      policyStatus.update(name, countsOf(name))
  }

  const publish = (before: RemediationStatus | undefined, record: Remediation): void => {
    remember(record)
    if (record.status === before) return
    metrics.count(metricsDeltaOf(before, record))
    void events.emit(eventsOf(before, record))
    const updates = updatesOf(before, record)
    if (!updates) return
    const { name } = policyRefOf(record)
    attempts.recorded(name, updates)
    policyStatus.update(name, updates)
  }

  /** A record that was deleted is forgotten at once: its watch may be late, or broken. */
  const unwritten = (record: Remediation, error: unknown): never => {
    lostAnswers.failed(record.metadata.uid, error)
    if (!notFound(error)) throw error
    remediations.drop(record.metadata.uid)
    throw new Retry(`Remediation ${record.metadata.name} was deleted; the incident is decided again`, { cause: error })
  }

  const ignored = ({ key, templateHash }: Incident, { cause }: Diagnosis): void =>
    metrics.incident(`${key}/${templateHash}`, cause)

  return {
    recordOf: async (incident, { diagnosis, policy }) => {
      const { owner, area, templateHash } = incident
      const known = remediations.of(owner.ref, area)
      const open = openRecordOf(known, templateHash)
      if (open) return open
      const subject = { incident, diagnosis, policy, earlier: known }
      const { record, created } = await openRecord(subject, client, config.namespace)
      remember(record)
      if (!created) {
        throw new Retry(`Remediation ${record.metadata.name} was not known yet; the incident is decided again`)
      }
      ignored(incident, diagnosis)
      return record
    },
    write: async (record, change, incident) => {
      const observed = incident && observationOf(incident)
      const made = { ...change, at: now(), ...(observed && { observed }) }
      const written =
        made.kind === 'Intended' || made.kind === 'UndoIntended'
          ? await recordIntent(record, made, client).catch((error: unknown) => unwritten(record, error))
          : await recordChange(record, made, client).catch((error: unknown) => unwritten(record, error))
      lostAnswers.answered(record.metadata.uid)
      if (written !== record) publish(record.status, written)
      return written
    },
    saw: (record) => {
      const lost = lostAnswers.found(record)
      if (lost) publish(lost.before, record)
    },
    ignored,
    completed: metrics.tasksCompleted,
    policiesChanged: () => {
      for (const [name, update] of admissionUpdates(policies))
        policyStatus.update(name, { ...update, ...countsOf(name) })
    },
    emit: (messages) => void events.emit(messages),
    flush: policyStatus.flush,
  }
}

/** One line for each change of a record: what was decided or done, and why. */
const logRecord = (log: Log, record: Remediation): void => {
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
    statusMessage: status.message,
  })
}

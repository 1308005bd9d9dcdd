import { governingPolicy } from '../api/governing-policy.ts'
import type { Config } from '../config.ts'
import { openRecordOf as knownRecordOf } from '../decide/own-record.ts'
import { createEventWriter } from '../report/events.ts'
import type { Ledger } from '../report/ledger.ts'
import type { Metrics } from '../report/metrics.ts'
import type { Note } from '../report/notes.ts'
import { createPolicyStatusWriter } from '../report/policy-status-writer.ts'
import { createReport } from '../report/report.ts'
import { createReporter, type Reporter } from '../report/reporter.ts'
import type { Clock } from '../runtime/clock.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import type { Log } from '../runtime/log.ts'
import type { Policies } from './policies.ts'
import { createPolicyNews, type PolicyNewsTeller } from './policy-news.ts'
import { logRecord } from './record-log.ts'
import type { Records } from './records.ts'

export interface TellingDeps {
  readonly config: Pick<Config, 'identity' | 'namespace'>
  readonly client: KubeClient
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly records: Records
  readonly policies: Policies
  readonly ledger: Ledger
}

export interface Telling {
  readonly reporter: Reporter
  readonly policyNews: PolicyNewsTeller
  /** Events that speak of no record. */
  readonly emit: (notes: readonly Note[]) => void
  /** Writes what policies still have to be told; for the end of the process. */
  readonly flush: () => Promise<void>
}

/** The report stage wired: records first, then Events, metrics, log, and the policies' status. */
export const createTelling = ({
  config,
  client,
  clock,
  log,
  metrics,
  records,
  policies,
  ledger,
}: TellingDeps): Telling => {
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
  const policyNews = createPolicyNews({ policies, records, tell: policyStatus.tell })
  const report = createReport({
    kube: client,
    operatorNamespace: config.namespace,
    events,
    metrics,
    policies: policyStatus,
    ledger,
    onRecord: (record) => {
      const before = records.get(record.metadata.uid) ?? record
      records.put(record)
      logRecord(log, record)
      new Set([before, record].map((each) => governingPolicy(each).name)).forEach(policyNews.counted)
    },
  })
  const openRecordOf: Parameters<typeof createReporter>[0]['openRecordOf'] = ({ owner, area, templateHash }) =>
    knownRecordOf(records.of(owner.ref.uid, area), templateHash)
  return {
    reporter: createReporter({ report, metrics, openRecordOf, now }),
    policyNews,
    emit: (notes) => void events.emit(notes),
    flush: policyStatus.flush,
  }
}

/** What can be told of an incident, each by one call: finds or opens its record, then moves it on. */
import type { Outcome } from '../act/outcome.ts'
import type { ContainerStatus, Pod } from '../api/kubernetes.ts'
import type { Remediation } from '../api/objects.ts'
import type { RewriteImagePlan } from '../decide/verdict.ts'
import type { Diagnosis, Facts, Incident } from '../diagnose/incident.ts'
import type { Metrics } from './metrics.ts'
import { sightOf } from './record.ts'
import type { Report } from './report.ts'
import type { StatusChange, VerdictOf } from './status-change.ts'

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
  readonly proven: (
    incident: Incident,
    record: Remediation,
    verdict: VerdictOf<'Prove'>,
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
    proven: (incident, record, verdict, { pods, tasks }) => {
      if (tasks?.known) metrics.answered(tasks.value)
      const digests = runningDigests(pods?.known ? pods.value : [])
      return report.tell(record, { kind: 'Proven', ...seen(incident), verdict, digests })
    },
    close: (record, reason, message) => report.tell(record, { kind: 'Closed', at: now(), reason, message }),
    ignored: ({ key, templateHash }, { cause }) => metrics.incident(`${key}/${templateHash}`, cause),
  }
}

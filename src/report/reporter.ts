/** Tells of an incident in one place: its record first, then what its change means for Events and metrics. */
import type { Outcome } from '../act/outcome.ts'
import type { ContainerStatus, Pod } from '../api/kubernetes.ts'
import type { Remediation } from '../api/objects.ts'
import type { RewriteImagePlan } from '../decide/verdict.ts'
import type { Diagnosis, Incident } from '../diagnose/incident.ts'
import type { EventWriter } from './events.ts'
import type { Metrics } from './metrics.ts'
import { notesOf } from './notes.ts'
import { type RecordApi, openRecord, recordChange, recordIntent, sightOf } from './record.ts'
import type { StatusChange, VerdictOf } from './status-change.ts'
import { tallyOf } from './tally.ts'

export interface ReporterDeps {
  readonly kube: RecordApi
  readonly events: EventWriter
  readonly metrics: Pick<Metrics, 'incident' | 'count'>
  /** The record that is open for an incident, as it is known without a read. */
  readonly openRecordOf: (incident: Incident) => Remediation | undefined
  /** Told of every record that came back from a write, before anything else is done. */
  readonly onRecord: (record: Remediation) => void
  readonly now: () => number
}

type Intent = Extract<StatusChange, { kind: 'Intended' | 'UndoIntended' }>
type Closing = Extract<StatusChange, { kind: 'Closed' }>['reason']

export interface Reporter {
  readonly hold: (incident: Incident, verdict: VerdictOf<'Hold'>) => Promise<Remediation>
  /** Rejects with `Retry` where somebody else moved the record: then nothing may be written. */
  readonly intend: (incident: Incident, verdict: VerdictOf<'Act'>) => Promise<Remediation>
  readonly intendUndo: (incident: Incident, record: Remediation, plan: RewriteImagePlan) => Promise<Remediation>
  readonly acted: (incident: Incident, record: Remediation, outcome: Outcome) => Promise<Remediation>
  /** `pods`: the owner's, for the digests that now run. */
  readonly proven: (
    incident: Incident,
    record: Remediation,
    verdict: VerdictOf<'Prove'>,
    pods: readonly Pod[],
  ) => Promise<Remediation>
  readonly close: (record: Remediation, reason: Closing, message: string) => Promise<Remediation>
  /** An incident that no policy answers to is counted, and nothing is written. */
  readonly ignored: (incident: Incident, diagnosis: Diagnosis) => void
}

const DIGEST = /sha256:[0-9a-f]{64}/

const digestOf = ({ imageID }: ContainerStatus): string | undefined => DIGEST.exec(imageID ?? '')?.[0]

/** Digests that run, by container, as the kubelets told; pods that do not run tell none. */
export const runningDigests = (pods: readonly Pod[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    pods.flatMap(({ status }) =>
      [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap((container) => {
        const digest = container.state?.waiting ? undefined : digestOf(container)
        return digest === undefined ? [] : [[container.name, digest] as const]
      }),
    ),
  )

export const createReporter = ({ kube, events, metrics, openRecordOf, onRecord, now }: ReporterDeps): Reporter => {
  /** Events are told after the record, in the background: they only tell, and nothing waits for them. */
  const told = (before: Remediation, after: Remediation): Remediation => {
    onRecord(after)
    if (after === before) return after
    metrics.count(tallyOf(before.status, after))
    void events.emit(notesOf(before.status, after))
    return after
  }

  const change = async (record: Remediation, what: StatusChange): Promise<Remediation> =>
    told(record, await recordChange(record, what, kube))

  const intend = async (record: Remediation, what: Intent): Promise<Remediation> =>
    told(record, await recordIntent(record, what, kube))

  const counted = ({ key, templateHash }: Incident, { cause }: Diagnosis): void =>
    metrics.incident(`${key}/${templateHash}`, cause)

  const opened = async (
    incident: Incident,
    { policy, diagnosis }: VerdictOf<'Hold'> | VerdictOf<'Act'>,
  ): Promise<Remediation> => {
    counted(incident, diagnosis)
    const known = openRecordOf(incident)
    if (known) return known
    const { record } = await openRecord({ incident, diagnosis, policy }, kube)
    onRecord(record)
    return record
  }

  return {
    hold: async (incident, verdict) => {
      const sight = sightOf(incident)
      return change(await opened(incident, verdict), { kind: 'Held', at: now(), sight, verdict })
    },
    intend: async (incident, verdict) => {
      const sight = sightOf(incident)
      return intend(await opened(incident, verdict), { kind: 'Intended', at: now(), sight, verdict })
    },
    intendUndo: (incident, record, plan) =>
      intend(record, { kind: 'UndoIntended', at: now(), sight: sightOf(incident), plan }),
    acted: (incident, record, outcome) =>
      change(record, { kind: 'Acted', at: now(), sight: sightOf(incident), outcome }),
    proven: (incident, record, verdict, pods) =>
      change(record, {
        kind: 'Proven',
        at: now(),
        sight: sightOf(incident),
        verdict,
        digests: runningDigests(pods),
      }),
    close: (record, reason, message) => change(record, { kind: 'Closed', at: now(), reason, message }),
    ignored: counted,
  }
}

import type { Outcome } from '../act/outcome.ts'
import type { ObjectRef, Pod } from '../api/kubernetes.ts'
import type { Remediation } from '../api/objects.ts'
import type { Case } from '../decide/case.ts'
import type { Plan, RewriteImagePlan, Verdict } from '../decide/verdict.ts'
import type { Diagnosis, FailingPod, Incident, Owner } from '../diagnose/incident.ts'
import type { PodRef } from '../watch/sighting.ts'
import { failingAreas } from './look.ts'
import type { Incidents, OpenIncident } from './incidents.ts'
import type { Pace } from './pace.ts'
import { type Records, underWay } from './records.ts'
import { type SettleDeps, type Settled, settle } from './settle.ts'

type VerdictOf<K extends Verdict['kind']> = Extract<Verdict, { kind: K }>

/** All that a person or Prometheus sees. Each answers the record as it stands after the write. */
export interface Reporter {
  readonly hold: (incident: Incident, verdict: VerdictOf<'Hold'>) => Promise<Remediation>
  /** Records the intent by compare-and-swap; rejects where somebody else moved the record. */
  readonly intend: (incident: Incident, verdict: VerdictOf<'Act'>) => Promise<Remediation>
  readonly intendUndo: (record: Remediation, plan: RewriteImagePlan) => Promise<Remediation>
  readonly acted: (incident: Incident, record: Remediation, plan: Plan, outcome: Outcome) => Promise<Remediation>
  readonly proven: (
    incident: Incident | undefined,
    record: Remediation,
    verdict: VerdictOf<'Prove'>,
    pods: readonly Pod[],
  ) => Promise<Remediation>
  readonly close: (
    record: Remediation,
    why: 'Recovered' | 'OwnerGone' | 'NoPolicy',
    message: string,
  ) => Promise<Remediation>
  /** An incident that no policy answers to: counted, nothing is written. */
  readonly ignored: (incident: Incident, diagnosis: Diagnosis) => void
}

export interface ReconcileDeps {
  readonly incidents: Incidents
  readonly records: Records
  /** The pod as it is now; undefined where it is gone or another pod has its name. */
  readonly readPod: (ref: PodRef) => Promise<Pod | undefined>
  /** Failing pods whose object the watch keeps current; the others are read anew. */
  readonly watched: (podUid: string) => boolean
  readonly examine: (pod: Pod) => FailingPod
  readonly readOwner: (ref: ObjectRef, pod: Pod | undefined) => Promise<Owner | undefined>
  readonly assemble: (area: OpenIncident['area'], owner: Owner, pods: readonly FailingPod[]) => Incident
  readonly world: (open: OpenIncident, now: number) => Omit<Case, 'incident' | 'diagnosis' | 'facts'>
  readonly settle: SettleDeps
  readonly pace: Pace
  readonly act: (plan: Plan) => Promise<Outcome>
  readonly report: Reporter
  readonly now: () => number
}

/** The next look; absent: only a signal brings it back. */
export interface Result {
  readonly requeueAfterMs?: number
}

const SOON_MS = 1_000
/** However far a verdict looks ahead: policies' times and other people's doings are looked at again. */
const LONGEST_MS = 10 * 60_000
/** An owner that was read for filing a pod need not be read again at once. */
const OWNER_FRESH_MS = 500
/** Failing pods that are read anew for one decision; the others wait for their turn or their own signal. */
const MAX_REREAD = 8

const OPEN_PHASES: ReadonlySet<string> = new Set(['Observed', 'Held', 'AwaitingApproval', 'Running', 'Verifying'])
const isOpen = ({ status }: Remediation): boolean =>
  status?.phase === undefined || OPEN_PHASES.has(status.phase) || status.finishedAt === undefined

const refOf = ({ metadata }: Pod): PodRef => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
})

/** One incident, from what is true now to what is written of it. */
export const createReconcile = (deps: ReconcileDeps) => {
  const { incidents, records, report, now } = deps

  const stillFailing = async (open: OpenIncident): Promise<readonly FailingPod[]> => {
    let reread = 0
    const pods = await Promise.all(
      [...open.pods.values()].map(async (failing) => {
        if (deps.watched(failing.pod.metadata.uid) || (reread += 1) > MAX_REREAD) return failing
        const pod = await deps.readPod(refOf(failing.pod))
        if (!pod || pod.metadata.deletionTimestamp !== undefined) return undefined
        const fresh = deps.examine(pod)
        return failingAreas(fresh).includes(open.area) ? fresh : undefined
      }),
    )
    const gone = [...open.pods.keys()].filter((_, i) => pods[i] === undefined)
    gone.forEach((uid) => incidents.recovered(uid))
    return pods.filter((pod) => pod !== undefined)
  }

  const ownerOf = async (open: OpenIncident, pods: readonly FailingPod[]): Promise<Owner | undefined> =>
    open.owner && now() - open.owner.at <= OWNER_FRESH_MS ? open.owner.value : deps.readOwner(open.target, pods[0]?.pod)

  const put = (record: Remediation): Remediation => {
    records.put(record)
    return record
  }

  const lookAt = (at: number): Result => ({ requeueAfterMs: Math.min(LONGEST_MS, Math.max(SOON_MS / 5, at - now())) })

  const carryOut = async (incident: Incident, verdict: VerdictOf<'Act'>): Promise<Result> => {
    const waitMs = deps.pace.ask(incident.key, now())
    if (waitMs > 0) return { requeueAfterMs: waitMs }
    const record = put(await report.intend(incident, verdict))
    const outcome = await deps.act(verdict.plan)
    put(await report.acted(incident, record, verdict.plan, outcome))
    return awaitProof(incident, outcome)
  }

  const awaitProof = ({ area, owner }: Incident, outcome: Outcome): Result => {
    incidents.await(area, owner.ref, owner.selector)
    return { requeueAfterMs: outcome.kind === 'Stale' ? (outcome.retryAfterMs ?? SOON_MS) : SOON_MS }
  }

  const prove = async (incident: Incident, verdict: VerdictOf<'Prove'>, { facts }: Settled): Promise<Result> => {
    const record = records.of(incident.owner.ref.uid, incident.area).find(underWay)
    if (!record) return { requeueAfterMs: SOON_MS }
    if (verdict.next?.kind === 'Undo') {
      const undoing = put(await report.intendUndo(record, verdict.next.plan))
      const outcome = await deps.act(verdict.next.plan)
      put(await report.acted(incident, undoing, verdict.next.plan, outcome))
      return { requeueAfterMs: SOON_MS }
    }
    put(await report.proven(incident, record, verdict, facts.pods?.known ? facts.pods.value : []))
    if (verdict.outcome === 'Waiting') incidents.await(incident.area, incident.owner.ref, incident.owner.selector)
    else if (incident.pods.length === 0 && verdict.next?.kind !== 'Escalate') {
      incidents.close(incident.key)
      return {}
    }
    return lookAt(verdict.lookAgainAt)
  }

  const ignore = async (incident: Incident, diagnosis: Diagnosis | undefined): Promise<Result> => {
    const open = records.of(incident.owner.ref.uid, incident.area).filter(isOpen)
    const healthy = incident.pods.length === 0
    for (const record of open) {
      const [why, message] = healthy
        ? (['Recovered', 'no pod fails any more'] as const)
        : (['NoPolicy', 'no policy answers to it any more'] as const)
      put(await report.close(record, why, message))
    }
    if (healthy) incidents.close(incident.key)
    else if (diagnosis) report.ignored(incident, diagnosis)
    return {}
  }

  return async (key: string): Promise<Result> => {
    const open = incidents.get(key)
    if (!open) return {}
    const mine = records.of(open.target.uid, open.area)
    const pods = await stillFailing(open)
    if (pods.length === 0 && !mine.some(isOpen)) {
      incidents.close(key)
      return {}
    }
    const owner = await ownerOf(open, pods)
    if (!owner) {
      for (const record of mine.filter(isOpen))
        put(await report.close(record, 'OwnerGone', 'the owner does not exist any more'))
      incidents.close(key)
      return {}
    }
    const incident = deps.assemble(open.area, owner, pods)
    const settled = await settle(incident, deps.world(open, now()), deps.settle)
    const { verdict, diagnosis } = settled
    switch (verdict.kind) {
      case 'Ignore':
        return ignore(incident, diagnosis)
      case 'Hold':
        put(await report.hold(incident, verdict))
        return lookAt(verdict.lookAgainAt)
      case 'Act':
        return carryOut(incident, verdict)
      case 'Prove':
        return prove(incident, verdict, settled)
    }
  }
}

import type { Remediation } from '../api/kinds.ts'
import { decide } from '../decide/decide.ts'
import { isNodeCause } from '../model/causes.ts'
import { parseTime } from '../model/duration.ts'
import {
  type Diagnosis,
  type FactName,
  type FailingPod,
  type Incident,
  incidentId,
  incidentKey,
  type Owner,
} from '../model/incident.ts'
import type { ObjectRef, Pod } from '../model/kubernetes.ts'
import { runningDigests } from '../model/pod.ts'
import type { Outcome, Plan, VerdictOf } from '../model/plan.ts'
import { endedWith, isInProgress, isOpen, supersededRecords } from '../model/remediation-state.ts'
import type { Report } from '../report/report.ts'
import type { PodRef } from '../watch/pod-cache.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import { evaluate, type Evaluation, type Gather, type Snapshot } from './evaluate.ts'
import type { Incidents, OpenIncident } from './incidents.ts'
import type { Reservations } from './limits.ts'
import { failingAreas } from './process-pod.ts'
import type { RateLimiter } from './rate-limiter.ts'

export interface ReconcileDeps {
  readonly incidents: Incidents
  readonly records: RemediationCache
  /** The pod as it is now; undefined where it is gone or another pod has its name. */
  readonly readPod: (ref: PodRef) => Promise<Pod | undefined>
  /** The pods of an incident that fail now. */
  readonly stillFailing: (open: OpenIncident) => Promise<readonly FailingPod[]>
  readonly detectFailures: (pod: Pod) => FailingPod
  readonly readOwner: (ref: ObjectRef, pod: Pod | undefined) => Promise<Owner | undefined>
  /** Wants another incident looked at. */
  readonly enqueue: (key: string) => void
  readonly buildIncident: (open: OpenIncident, owner: Owner, pods: readonly FailingPod[]) => Incident
  readonly snapshot: (open: OpenIncident, now: number) => Snapshot
  readonly reservations: Reservations
  readonly gather: Gather
  /** How long containers must stay started: nothing is proven so soon after a write. */
  readonly stabilizationMs: number
  readonly rateLimiter: Pick<RateLimiter, 'mayAct'>
  readonly act: (plan: Plan) => Promise<Outcome>
  /** A remedy on a node came to its end: others may work there. */
  readonly leaveNode: (node: Pick<ObjectRef, 'name' | 'uid'>) => Promise<void>
  readonly report: Report
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
/** Most replacements of a broken pod start so soon; those that do are proven by one look. */
const USUAL_START_MS = 5_000

/** One incident, from what is true now to what is written of it. */
export const createReconcile = (deps: ReconcileDeps) => {
  const { incidents, records, report, now } = deps
  const verificationMs = deps.stabilizationMs + USUAL_START_MS

  /**
   * Ms until a remedy that was just carried out can be proven, by the last start that was seen or, without one, by when
   * most have started; 0 where none was. Looks before only cost reads.
   */
  const untilVerifiable = ({ startedAt, area }: OpenIncident, mine: readonly Remediation[]): number => {
    // What an agent does takes its own time, and its answer makes no signal: the decision says when to look.
    if (isNodeCause(area)) return 0
    const { steps = [] } = mine.find(({ status }) => status?.phase === 'Verifying')?.status ?? {}
    const actedAt = parseTime(steps.at(-1)?.actedAt)
    // Whoever wrote the time may have another clock.
    if (actedAt === undefined || actedAt > now()) return 0
    const latest = actedAt + verificationMs
    const seen = startedAt === undefined || startedAt < actedAt ? latest : startedAt + deps.stabilizationMs
    return Math.max(0, Math.min(seen, latest) - now())
  }

  /**
   * Taken up from a record, after a restart or from another leader, nothing is in memory: before "nothing fails" is
   * believed the owner's pods, or those on the node, are looked at, once. Where they cannot be listed, the one that the record names.
   */
  const adopt = async (open: OpenIncident, owner: Owner): Promise<readonly FailingPod[]> => {
    const at = now()
    const named = records.of(open.target.uid, open.area).flatMap(({ spec }) => spec.pod ?? [])
    const ofNode = isNodeCause(open.area)
    // A CronJob does not know Jobs of its own that a person made.
    const fact: FactName = ofNode ? { fact: 'nodePods' } : { fact: 'pods', named }
    const facts = await deps.gather(deps.buildIncident(open, owner, []), [fact], { registry: {} })
    const found = ofNode ? facts.nodePods : facts.pods
    const pods = found?.known
      ? found.value
      : await Promise.all(named.map(({ namespace = '', name, uid }) => deps.readPod({ namespace, name, uid })))
    for (const pod of pods) {
      const failing = pod && deps.detectFailures(pod)
      const areas = failing ? failingAreas(failing).filter((area) => isNodeCause(area) === ofNode) : []
      if (!failing || areas.length === 0) continue
      incidents.add(failing, { target: owner.ref, areas, owner: { value: owner, at } })
      areas
        .map((area) => incidentKey(owner.ref.uid, area))
        .filter((key) => key !== open.key)
        .forEach(deps.enqueue)
    }
    incidents.seen(open.key)
    return [...(incidents.get(open.key)?.pods.values() ?? [])]
  }

  /** What was read for filing serves once, and never while a remedy is under way: it may be older than our own write. */
  const ownerOf = async (open: OpenIncident, pods: readonly FailingPod[]): Promise<Owner | undefined> => {
    const assigned = incidents.takeOwner(open.key)
    const acting = records.of(open.target.uid, open.area).some(isInProgress)
    if (assigned && !acting && now() - assigned.at <= OWNER_FRESH_MS) return assigned.value
    return deps.readOwner(open.target, pods[0]?.pod)
  }

  const lookAt = (at: number): Result => ({ requeueAfterMs: Math.min(LONGEST_MS, Math.max(SOON_MS / 5, at - now())) })

  const execute = async (open: OpenIncident, incident: Incident, { diagnosis, facts }: Evaluation): Promise<Result> => {
    // Others acted while facts were read: decided once more on the budgets of this instant, and reserved in the same turn.
    const at = now()
    const verdict = decide({ ...deps.snapshot(open, at), incident, diagnosis, facts })
    if (verdict.kind !== 'Act') return { requeueAfterMs: 0 }
    // Its turn brings it back.
    if (!deps.rateLimiter.mayAct(incident.key)) return {}
    const id = incidentId(incident.owner.ref.uid, incident.area)
    deps.reservations.take(incident.key, { policy: verdict.policy.name, incident: id, at })
    // Once the intent stands on the record the record is what counts.
    const record = await report
      .recordOf(incident, verdict)
      .then((open) => report.write(open, { kind: 'Intended', verdict }, incident))
      .finally(() => deps.reservations.release(incident.key))
    const outcome = await deps.act(verdict.plan)
    await report.write(record, { kind: 'Acted', outcome }, incident)
    return awaitVerification(incident, outcome)
  }

  const awaitVerification = ({ area, owner }: Incident, outcome: Outcome): Result => {
    incidents.await(area, owner.ref, owner.selector)
    if (outcome.kind === 'Stale') return { requeueAfterMs: outcome.retryAfterMs ?? SOON_MS }
    const isDone = outcome.kind === 'Done' && outcome.left.length === 0 && !isNodeCause(area)
    return { requeueAfterMs: isDone ? verificationMs : SOON_MS }
  }

  const verify = async (incident: Incident, verdict: VerdictOf<'Verify'>, { facts }: Evaluation): Promise<Result> => {
    const record = records.of(incident.owner.ref.uid, incident.area).find(isInProgress)
    if (!record) return { requeueAfterMs: SOON_MS }
    if (verdict.next?.kind === 'Undo') {
      const undoing = await report.write(record, { kind: 'UndoIntended', plan: verdict.next.plan }, incident)
      const outcome = await deps.act(verdict.next.plan)
      await report.write(undoing, { kind: 'Acted', outcome }, incident)
      return { requeueAfterMs: SOON_MS }
    }
    if (facts.tasks?.known) report.completed(facts.tasks.value)
    const digests = runningDigests(facts.pods?.known ? facts.pods.value : [])
    await report.write(record, { kind: 'Verified', verdict, digests }, incident)
    if (verdict.outcome !== 'Waiting' && isNodeCause(incident.area)) await deps.leaveNode(incident.owner.ref)
    if (verdict.outcome === 'Waiting') incidents.await(incident.area, incident.owner.ref, incident.owner.selector)
    else if (incident.pods.length === 0 && verdict.next?.kind !== 'Escalate') {
      incidents.close(incident.key)
      return {}
    }
    return lookAt(verdict.requeueAt)
  }

  const ignore = async (incident: Incident, diagnosis: Diagnosis | undefined): Promise<Result> => {
    const open = records.of(incident.owner.ref.uid, incident.area).filter(isOpen)
    const healthy = incident.pods.length === 0
    for (const record of open) {
      const [reason, message] = healthy
        ? (['Recovered', 'no pod fails any more'] as const)
        : (['NoPolicy', 'no policy answers to it any more'] as const)
      await report.write(record, { kind: 'Closed', reason, message })
    }
    if (healthy) incidents.close(incident.key)
    else if (diagnosis) report.ignored(incident, diagnosis)
    return {}
  }

  /** What another revision waited for does not matter any more. */
  const supersede = async ({ owner, area, pods, templateHash }: Incident): Promise<void> => {
    if (pods.length === 0) return
    for (const record of supersededRecords(records.of(owner.ref.uid, area), templateHash)) {
      const message = `revision ${templateHash} fails now, and has a record of its own`
      await report.write(record, { kind: 'Closed', reason: 'Superseded', message })
    }
  }

  return async (key: string): Promise<Result> => {
    const open = incidents.get(key)
    if (!open) return {}
    const mine = records.of(open.target.uid, open.area)
    const restMs = untilVerifiable(open, mine)
    if (restMs > 0) return { requeueAfterMs: restMs }
    let pods = await deps.stillFailing(open)
    if (pods.length === 0 && !mine.some(isOpen)) {
      incidents.close(key)
      return {}
    }
    const owner = await ownerOf(open, pods)
    if (!owner) {
      for (const record of mine.filter(isOpen))
        await report.write(record, {
          kind: 'Closed',
          reason: 'OwnerGone',
          message: 'the owner does not exist any more',
        })
      incidents.close(key)
      return {}
    }
    if (open.unseen && pods.length === 0) pods = await adopt(open, owner)
    const incident = deps.buildIncident(open, owner, pods)
    const evaluation = await evaluate(incident, deps.snapshot(open, now()), deps.gather)
    const { verdict, diagnosis } = evaluation
    switch (verdict.kind) {
      case 'Ignore':
        return ignore(incident, diagnosis)
      case 'Hold':
        await supersede(incident)
        if (verdict.ends === undefined || !endedWith(mine, incident.templateHash, verdict.ends))
          await report.write(await report.recordOf(incident, verdict), { kind: 'Held', verdict }, incident)
        if (verdict.reason === 'AlreadyRecovered' && pods.length === 0) {
          incidents.close(key)
          return {}
        }
        return lookAt(verdict.requeueAt)
      case 'Act':
        await supersede(incident)
        return execute(open, incident, evaluation)
      case 'Verify':
        return verify(incident, verdict, evaluation)
    }
  }
}

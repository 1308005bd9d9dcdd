/** Reconciles one incident: reads the current state, decides, acts and reports. */
import type { Remediation } from '../api/kinds.ts'
import { buildIncident } from '../diagnose/incident.ts'
import { readOwnerAt } from '../diagnose/owner/owner-chain.ts'
import { isNodeCause } from '../model/causes.ts'
import { parseTime } from '../model/duration.ts'
import type { FailingPod, Incident, Owner } from '../model/incident.ts'
import type { Outcome, VerdictOf } from '../model/plan.ts'
import { runningDigests } from '../model/pod.ts'
import {
  allHaveEnded,
  attemptInProgress,
  endsUnrecorded,
  type InProgress,
  isUnfinished,
  isOpen,
  supersededRecords,
} from '../model/remediation-state.ts'
import { createLastChecks, evaluate, type Evaluation, type Snapshot, snapshotOf } from './evaluate.ts'
import { createFailingPods, podReads } from './failing-pods.ts'
import type { OpenIncident } from './incidents.ts'
import { createWrites, type WritesDeps, type Written } from './write.ts'

export interface ReconcileDeps extends WritesDeps {
  /** Adds another incident to the work queue. */
  readonly enqueue: (key: string) => void
}

/** The next run; absent: only an event triggers one. */
export interface Result {
  readonly requeueAfterMs?: number
}

const SOON_MS = 1_000
/** Upper bound of the requeue delay, since changes of policies and of other incidents also matter. */
const LONGEST_MS = 10 * 60_000
/** Longest pause between two writes that are refused or that pods did not take. */
const LONGEST_REFUSED_MS = 8_000
/** How long an owner that was read for an assignment may be reused. */
const OWNER_FRESH_MS = 500
/** Most replacements of a broken pod start within this time and can then be verified by one check. */
const USUAL_START_MS = 5_000

export const createReconcile = (deps: ReconcileDeps) => {
  const { config, io, state, report, enqueue } = deps
  const { gather } = deps.reads
  const { incidents, remediations } = state
  const now = () => io.clock.now()
  const verificationMs = config.stabilizationWindowMs + USUAL_START_MS
  const failingPods = createFailingPods({ state, reads: podReads(io.kube), clock: io.clock })
  const lastChecks = createLastChecks({ state, config, clock: io.clock })
  const writes = createWrites(deps)

  const recordsOf = ({ target, area }: Pick<OpenIncident, 'target' | 'area'>): readonly Remediation[] =>
    remediations.of(target, area)

  /**
   * Ms until a remedy that was just executed can be verified, from the last observed start or, without one, from the
   * usual start time; 0 if there was none. Earlier checks would only cost reads.
   */
  const untilVerifiable = ({ startedAt, area }: OpenIncident, records: readonly Remediation[]): number => {
    // Tasks of agents vary in duration, and no event reports their status: the decision sets the next check.
    if (isNodeCause(area)) return 0
    const { steps = [] } = records.find(({ status }) => status?.phase === 'Verifying')?.status ?? {}
    const actedAt = parseTime(steps.at(-1)?.actedAt)
    // The time may come from the clock of another replica.
    if (actedAt === undefined || actedAt > now()) return 0
    const latest = actedAt + verificationMs
    const started = startedAt === undefined || startedAt < actedAt ? latest : startedAt + config.stabilizationWindowMs
    return Math.max(0, Math.min(started, latest) - now())
  }

  const adopt = async (open: OpenIncident, owner: Owner): Promise<readonly FailingPod[]> => {
    const named = recordsOf(open).flatMap(({ spec }) => spec.pod ?? [])
    const { pods, others } = await failingPods.adopt(open, owner, { named, gather })
    others.forEach(enqueue)
    return pods
  }

  /** The owner from the assignment is used once, and never while a remedy is in progress: it may predate our own write. */
  const ownerOf = async (open: OpenIncident, pods: readonly FailingPod[]): Promise<Owner | undefined> => {
    const assigned = incidents.takeOwner(open.key)
    const acting = recordsOf(open).some(isUnfinished)
    if (assigned && !acting && io.clock.monotonic() - assigned.at <= OWNER_FRESH_MS) return assigned.value
    return readOwnerAt(open.target, pods[0]?.pod, io.kube)
  }

  const incidentOf = (open: OpenIncident, owner: Owner, pods: readonly FailingPod[]): Incident => {
    const templateHash = recordsOf(open)[0]?.spec.templateHash
    return buildIncident({ owner, area: open.area, pods, ...(templateHash !== undefined && { templateHash }) })
  }

  const requeueAt = (at: number): Result => ({
    requeueAfterMs: Math.min(LONGEST_MS, Math.max(SOON_MS / 5, at - now())),
  })

  const acted = (incident: Incident, written: Written): Result | Promise<Result> => {
    if ('held' in written) return hold(incident, written.held)
    return 'outcome' in written ? awaitVerification(incident, written.outcome, written.record) : written
  }

  const awaitVerification = ({ area, owner }: Incident, outcome: Outcome, record: Remediation): Result => {
    incidents.await(area, owner.ref, owner.selector)
    const isTriedAgain = record.status?.phase === 'Running' && outcome.kind !== 'Stale'
    if (isTriedAgain) {
      const since = parseTime(record.status?.steps?.at(-1)?.intendedAt) ?? now()
      return { requeueAfterMs: Math.min(LONGEST_REFUSED_MS, Math.max(SOON_MS, now() - since)) }
    }
    if (outcome.kind === 'Stale') return { requeueAfterMs: outcome.retryAfterMs ?? SOON_MS }
    const isDone = outcome.kind === 'Done' && outcome.left.length === 0 && !isNodeCause(area)
    return { requeueAfterMs: isDone ? verificationMs : SOON_MS }
  }

  /** The record in the version that was decided on: an intent is not recorded on another. */
  const verify = async (
    open: OpenIncident,
    incident: Incident,
    { record, step }: InProgress,
    verdict: VerdictOf<'Verify'>,
    evaluation: Evaluation,
  ): Promise<Result> => {
    const { area, owner } = incident
    const { facts } = evaluation
    if (verdict.next?.kind === 'Undo') return writes.undo(open, incident, record, evaluation)
    if (facts.tasks?.known) report.completed(facts.tasks.value)
    const digests = runningDigests(facts.pods?.known ? facts.pods.value : [])
    await report.write(record, { kind: 'Verified', verdict, digests }, incident)
    if (verdict.outcome !== 'Waiting') await writes.leave(step.action, owner)
    if (verdict.outcome === 'Waiting') incidents.await(area, owner.ref, owner.selector)
    else if (verdict.outcome === 'Withdrawn') return requeueAt(verdict.requeueAt)
    else if (incident.pods.length === 0 && verdict.next?.kind !== 'Escalate') return closed(incident.key)
    return requeueAt(verdict.requeueAt)
  }

  const ignore = async (incident: Incident, { diagnosis }: Evaluation): Promise<Result> => {
    const healthy = incident.pods.length === 0
    const [reason, message] = healthy
      ? (['Recovered', 'no pod fails any more'] as const)
      : (['NoPolicy', 'no policy matches it any more'] as const)
    for (const record of remediations.of(incident.owner.ref, incident.area).filter(isOpen)) {
      await report.write(record, { kind: 'Closed', reason, message })
    }
    if (healthy) return closed(incident.key)
    report.ignored(incident, diagnosis)
    return {}
  }

  /** Closes records of other revisions without an attempt: what they wait for no longer matters. */
  const supersede = async ({ owner, area, pods, templateHash }: Incident): Promise<void> => {
    if (pods.length === 0) return
    for (const record of supersededRecords(remediations.of(owner.ref, area), templateHash)) {
      const message = `revision ${templateHash} fails now and has its own record`
      await report.write(record, { kind: 'Closed', reason: 'Superseded', message })
    }
  }

  const hold = async (incident: Incident, verdict: VerdictOf<'Hold'>): Promise<Result> => {
    const { key, area, owner, pods, templateHash } = incident
    if (!endsUnrecorded(remediations.of(owner.ref, area), templateHash, verdict))
      await report.write(await report.recordOf(incident, verdict), { kind: 'Held', verdict }, incident)
    if (verdict.reason === 'AlreadyRecovered' && pods.length === 0) return closed(key)
    return requeueAt(verdict.requeueAt)
  }

  const ownerGone = async ({ key }: OpenIncident, records: readonly Remediation[]): Promise<Result> => {
    for (const record of records.filter(isOpen)) {
      await report.write(record, { kind: 'Closed', reason: 'OwnerGone', message: 'the owner no longer exists' })
    }
    return closed(key)
  }

  const closed = (key: string): Result => {
    incidents.close(key)
    return {}
  }

  const carryOut = async (
    open: OpenIncident,
    incident: Incident,
    snapshot: Snapshot,
    evaluation: Evaluation,
  ): Promise<Result> => {
    const { verdict } = evaluation
    switch (verdict.kind) {
      case 'Ignore':
        return ignore(incident, evaluation)
      case 'Hold':
        await supersede(incident)
        return hold(incident, verdict)
      case 'Act':
        await supersede(incident)
        return acted(incident, await writes.act(open, incident, evaluation))
      case 'Verify': {
        const inProgress = attemptInProgress(snapshot)
        return inProgress ? verify(open, incident, inProgress, verdict, evaluation) : { requeueAfterMs: SOON_MS }
      }
    }
  }

  return async (key: string): Promise<Result> => {
    const open = incidents.get(key)
    if (!open) return {}
    const records = recordsOf(open)
    const waitMs = untilVerifiable(open, records)
    if (waitMs > 0) return { requeueAfterMs: waitMs }
    const stands = lastChecks.stands(open)
    if (stands) return stands

    // Pods assigned during the verification, or by a lagging watch, may be outdated: read them first.
    let pods = await failingPods.current(open, { confirm: allHaveEnded(records) })
    if (pods.length === 0 && !records.some(isOpen)) return closed(key)
    const owner = await ownerOf(open, pods)
    if (!owner) return ownerGone(open, records)
    if (open.unchecked && pods.length === 0) pods = await adopt(open, owner)

    const incident = incidentOf(open, owner, pods)
    const snapshot = snapshotOf(state, open, config, now())
    const evaluation = await evaluate(incident, snapshot, gather)
    const result = await carryOut(open, incident, snapshot, evaluation)
    lastChecks.remember(open, incident, evaluation)
    return result
  }
}

/**
 * Carries out a decision to write. What may stop a write is read right before it, and not taken from a watch, which may be
 * late or broken and not know it: the operator's namespace, the policy, the namespace of the workload and the workload.
 * Then the incident is decided again, the intent recorded, the plan executed, and its outcome recorded.
 */
import type { RemediationPolicy, Remediation } from '../api/kinds.ts'
import type { ActionType } from '../api/policy/actions.ts'
import type { Config } from '../config/config.ts'
import { confirm } from '../decide/attempt/in-progress.ts'
import { decide } from '../decide/decide.ts'
import type { Gather } from '../diagnose/gather.ts'
import { readOwnerAt } from '../diagnose/owner/owner-chain.ts'
import type { KubeClient, Reads } from '../kube/client.ts'
import { notFound } from '../kube/errors.ts'
import { pathOf, whyUnread } from '../kube/paths.ts'
import { isNodeCause } from '../model/causes.ts'
import { type Fact, type Facts, type Incident, incidentId, known, type Owner, unknown } from '../model/incident.ts'
import type { KubeObject } from '../model/kubernetes.ts'
import type { Outcome, VerdictOf } from '../model/plan.ts'
import { attemptInProgress, hasFurtherAction, type PolicyRef, policyRefOf } from '../model/remediation-state.ts'
import { excludes, pauses } from '../model/names.ts'
import { act, release } from '../remedies/list.ts'
import type { ActDeps } from '../remedies/writes.ts'
import type { Report } from '../report/report.ts'
import type { Log } from '../runtime/log.ts'
import { type Evaluation, type Snapshot, snapshotOf } from './evaluate.ts'
import type { OpenIncident } from './incidents.ts'
import type { RateLimiter } from './limits.ts'
import type { State } from './state.ts'

// What stops a write: two requests for each remediation, and two for each write.

interface ReadStopsDeps {
  readonly client: Pick<KubeClient, 'get'>
  /** The operator's own namespace. */
  readonly namespace: string
  readonly state: Pick<State, 'policies' | 'attempts'>
  /** A policy differs from what its watch reported. */
  readonly policiesChanged: () => void
}

/** What was read; it takes precedence over what the watches reported. */
interface Stops {
  readonly paused: Fact<boolean>
  /** Why the policy could not be read. */
  readonly unread?: string
}

export const createReadStops = ({
  client,
  namespace,
  state: { policies, attempts },
  policiesChanged,
}: ReadStopsDeps) => {
  const readPaused = async (): Promise<Fact<boolean>> => {
    const path = pathOf({ kind: 'Namespace', name: namespace })
    try {
      return known(pauses((await client.get<KubeObject>(path)).metadata))
    } catch (error) {
      return notFound(error) ? known(true) : unknown(whyUnread(path, error))
    }
  }

  /** Updates the cache; returns why it could not. */
  const readPolicy = async ({ name, uid }: PolicyRef): Promise<string | undefined> => {
    const path = pathOf({ kind: 'RemediationPolicy', name })
    try {
      const policy = await client.get<RemediationPolicy & KubeObject>(path)
      if (policy.metadata.uid !== uid) policies.drop(uid)
      // Another leader may have used the budget.
      attempts.sawPolicy(policy)
      if (policies.put(policy)) policiesChanged()
      return undefined
    } catch (error) {
      if (!notFound(error)) return whyUnread(path, error)
      policies.drop(uid)
      policiesChanged()
      return undefined
    }
  }

  return {
    readPaused,
    /** Never rejects: what cannot be read is unknown, and holds. */
    readStops: async (policy: PolicyRef): Promise<Stops> => {
      const [paused, unread] = await Promise.all([readPaused(), readPolicy(policy)])
      return { paused, ...(unread !== undefined && { unread }) }
    },
  }
}

/** A snapshot with what was just read. A pause counts from either source: the watch may report it after the read. */
const withStops = (snapshot: Snapshot, { paused, unread }: Stops): Snapshot => ({
  ...snapshot,
  operator: { ...snapshot.operator, paused: paused.known && !paused.value ? snapshot.operator.paused : paused },
  ...(unread !== undefined && { stale: [...(snapshot.stale ?? []), unread] }),
})

/**
 * The facts with the namespace as it is now; undefined if the workload is excluded or gone. Actions on nodes read their
 * node themselves. Rejects if the workload cannot be read.
 */
const readExclusions = async (
  { incident, facts }: { readonly incident: Incident; readonly facts: Facts },
  { reads, gather }: { readonly reads: Reads; readonly gather: Gather },
): Promise<Facts | undefined> => {
  const { area, owner, pods } = incident
  if (isNodeCause(area)) return facts
  const [now, current] = await Promise.all([
    gather(incident, [{ fact: 'namespace' }], facts),
    readOwnerAt(owner.ref, pods[0]?.pod, reads),
  ])
  return current === undefined || excludes(current) ? undefined : now
}

// The writes.

export interface WritesDeps {
  readonly config: Config
  /** The client, the clock, and the other dependencies of remedies. */
  readonly io: ActDeps & { readonly kube: KubeClient }
  readonly reads: { readonly gather: Gather } & Pick<ReturnType<typeof createReadStops>, 'readStops'>
  readonly state: State
  readonly report: Report
  readonly rateLimiter: Pick<RateLimiter, 'mayAct'>
  readonly log: Log
}

/** What became of a step: executed, held by what was read, or to be decided again. */
export type Written =
  | { readonly outcome: Outcome; readonly record: Remediation }
  | { readonly held: VerdictOf<'Hold'> }
  | { readonly requeueAfterMs?: number }

const SOON_MS = 1_000
/** How old may be what was read of the switches that stop a write; after a slow intent, they are read again. */
const STOPS_FRESH_MS = 5_000

export const createWrites = ({ config, io, reads, state, report, rateLimiter, log }: WritesDeps) => {
  const { gather, readStops } = reads
  const { reservations } = state
  const now = () => io.clock.now()

  /** The input to decide again in memory: other incidents may have acted while facts were read. */
  const inputAgain = (open: OpenIncident, incident: Incident, { diagnosis, facts }: Evaluation, stops?: Stops) => {
    const snapshot = snapshotOf(state, open, config, now())
    return { ...(stops ? withStops(snapshot, stops) : snapshot), incident, diagnosis, facts }
  }

  /** Asked before each write: with what excludes the workload now, and what the watches reported until then. */
  const whetherPlanned =
    (incident: Incident, { facts }: Evaluation, isPlanned: (facts: Facts) => boolean) =>
    async (): Promise<boolean> => {
      const now = await readExclusions({ incident, facts }, { reads: io.kube, gather })
      return now !== undefined && isPlanned(now)
    }

  /** Whether an action of the policy follows the step in progress. */
  const hasNextAction = (open: OpenIncident, incident: Incident, evaluation: Evaluation): boolean => {
    const input = inputAgain(open, incident, evaluation)
    const inProgress = attemptInProgress(input)
    return inProgress !== undefined && hasFurtherAction(input, inProgress)
  }

  /** Executes the step that was decided on, if it still is. */
  const carryOut = async (open: OpenIncident, incident: Incident, evaluation: Evaluation): Promise<Written> => {
    const planned = decide(inputAgain(open, incident, evaluation))
    if (planned.kind !== 'Act') return { requeueAfterMs: 0 }
    // The rate limiter queues it again.
    if (!rateLimiter.mayAct(incident.key)) return {}
    const readAt = io.clock.monotonic()
    const stops = await readStops(planned.policy)
    // Reserve the budget synchronously.
    const input = inputAgain(open, incident, evaluation, stops)
    const verdict = decide(input)
    if (verdict.kind === 'Hold') return { held: verdict }
    if (verdict.kind !== 'Act') return { requeueAfterMs: 0 }
    const id = incidentId(incident.owner.ref, incident.area)
    reservations.take(incident.key, { policy: verdict.policy.name, incident: id, at: now() })
    // Once the intent is on the record, the record counts instead of the reservation.
    const decidedOn = verdict.resume ? attemptInProgress(input)?.record : undefined
    const record = await Promise.resolve(decidedOn ?? report.recordOf(incident, verdict))
      .then((open) => report.write(open, { kind: 'Intended', verdict }, incident))
      .finally(() => reservations.release(incident.key))
    if (io.clock.monotonic() - readAt > STOPS_FRESH_MS) return { requeueAfterMs: 0 }
    // Someone may have stopped it while the intent was written; then another decision holds or withdraws it.
    const plan = verdict.resume ? verdict.plan : confirm(inputAgain(open, incident, evaluation, stops))
    if (!plan) return { requeueAfterMs: 0 }
    const isStillPlanned = whetherPlanned(incident, evaluation, (facts) => {
      const input = inputAgain(open, incident, { ...evaluation, facts }, stops)
      return verdict.resume ? decide(input).kind === 'Act' : confirm(input) !== undefined
    })
    const outcome = await act(plan, { ...io, isStillPlanned })
    const hasNext = hasNextAction(open, incident, evaluation)
    const change = { kind: 'Acted', outcome, hasNext, partly: verdict.partly } as const
    return { outcome, record: await report.write(record, change, incident) }
  }

  /** Restores what the step in progress wrote, if that is still decided. */
  const undo = async (open: OpenIncident, incident: Incident, record: Remediation, evaluation: Evaluation) => {
    const stops = await readStops(policyRefOf(record))
    const verdict = decide(inputAgain(open, incident, evaluation, stops))
    if (verdict.kind !== 'Verify' || verdict.next?.kind !== 'Undo') return { requeueAfterMs: SOON_MS }
    const { plan } = verdict.next
    const undoing = await report.write(record, { kind: 'UndoIntended', plan }, incident)
    const isStillPlanned = whetherPlanned(incident, evaluation, (facts) => {
      const again = decide(inputAgain(open, incident, { ...evaluation, facts }, stops))
      return again.kind === 'Verify' && again.next?.kind === 'Undo'
    })
    const outcome = await act(plan, { ...io, isStillPlanned })
    const hasNext = hasNextAction(open, incident, evaluation)
    await report.write(undoing, { kind: 'Acted', outcome, hasNext }, incident)
    return { requeueAfterMs: SOON_MS }
  }

  /** Releases what a step reserved when it has ended, such as the lease of a node. If that fails, the lease expires. */
  const leave = (action: ActionType, { ref }: Owner): Promise<void> =>
    release(action, ref, io).catch((err: unknown) => log.warn('node lease not returned', { node: ref.name, err }))

  return { act: carryOut, undo, leave }
}

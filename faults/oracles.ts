/** What no fault may lead to, judged from what was written. Pure; knows the records' form and nothing of the controller. */
import type { Remediation } from '../src/api/kinds.ts'
import type { RemediationStep } from '../src/api/remediation.ts'
import type { Pod } from '../src/model/kubernetes.ts'
import { type AuditedWrite, isCommitted, isForeign, isRecord, named, recordOf } from './history.ts'

export interface Limits {
  /** ms between two attempts. */
  readonly cooldownMs: number
  readonly maxAttempts: number
  readonly maxPerHour: number
  /** Whether each step needs an approval. */
  readonly approval?: boolean
}

/** A change of the outside world that forbids something from then on. */
export interface Prohibition {
  readonly what: string
  /** When the controller was told of it at the latest: ms since the epoch. */
  readonly since: number
  /** Until it is lifted. */
  readonly until?: number
  readonly forbids: (write: AuditedWrite) => boolean
}

const steps = (record: Remediation): readonly RemediationStep[] =>
  (record.status?.steps ?? []).filter(({ state }) => state !== 'Planned')

const idOf = (record: Remediation, step: RemediationStep, at: number): string =>
  `${record.metadata.uid} attempt ${step.attempt} step ${at}`

interface Covering {
  readonly record: Remediation
  readonly step: RemediationStep
  readonly id: string
}

const isToPod = ({ resource, verb }: AuditedWrite): boolean =>
  resource === 'pods/eviction' || (resource === 'pods' && (verb === 'delete' || verb === 'patch'))

/** The uid that a deletion or an eviction was for, if it named one; of a patch, that of the patched pod. */
const podUidOf = ({ sent, answer, verb }: AuditedWrite): string | undefined => {
  if (verb === 'patch') return (answer as Pod | undefined)?.metadata?.uid
  const { preconditions, deleteOptions } = (sent ?? {}) as Deletion
  return (preconditions ?? deleteOptions?.preconditions)?.uid
}

interface Deletion {
  readonly preconditions?: { readonly uid?: string }
  readonly deleteOptions?: { readonly preconditions?: { readonly uid?: string } }
}

/** `deployments.apps` and `nodes/status` are of a Deployment and a Node. */
const isOfKind = ({ resource }: AuditedWrite, kind: string): boolean =>
  resource.split(/[./]/)[0] === `${kind.toLowerCase()}s`

/** A rewrite may delete pods of its target that it does not name: a StatefulSet does not replace what waits. */
const isPodOf = ({ answer }: AuditedWrite, uid: string): boolean =>
  (answer as Pod | undefined)?.metadata?.ownerReferences?.some((owner) => owner.uid === uid) ?? false

const covers = ({ target, pods = [], node, changes = [] }: RemediationStep, write: AuditedWrite): boolean => {
  if (node?.tasks?.includes(write.name)) return true
  if (!isToPod(write)) return target !== undefined && target.name === write.name && isOfKind(write, target.kind)
  const uid = podUidOf(write)
  if (pods.some((pod) => pod.name === write.name && pod.uid === uid)) return true
  return write.verb === 'delete' && changes.length > 0 && target !== undefined && isPodOf(write, target.uid)
}

/** A person deleted all records. */
export interface Forgotten {
  /** Those that were created until then: ms since the epoch. */
  readonly before: number
  /** When the controller was told of it at the latest. */
  readonly since: number
}

interface History {
  readonly writes: readonly AuditedWrite[]
  readonly forgotten?: Forgotten | undefined
}

/** Records as they were when the write was received: the last committed version of each that existed. */
const recordsBefore = ({ writes, forgotten }: History, at: number): readonly Remediation[] => {
  const last = new Map<string, Remediation>()
  const gone = new Set<string>()
  for (const write of writes) {
    if (!isRecord(write) || !isCommitted(write) || write.doneAt > at) continue
    const record = recordOf(write)
    last.set(record.metadata.uid, record)
    if (forgotten && at > forgotten.since && write.doneAt <= forgotten.before) gone.add(record.metadata.uid)
  }
  return [...last.values()].filter(({ metadata }) => !gone.has(metadata.uid))
}

/** Whether a step had begun when its record was deleted. */
export const forgotBegun = ({ writes, forgotten }: History): boolean =>
  forgotten !== undefined && recordsBefore({ writes }, forgotten.before).some((record) => steps(record).length > 0)

const coveringOf = (history: History, write: AuditedWrite): Covering | undefined => {
  for (const record of recordsBefore(history, write.receivedAt)) {
    const begun = steps(record)
    const step = begun.at(-1)
    // Finished records and steps cover nothing any more.
    if (!step || record.status?.finishedAt !== undefined) continue
    if (step.state !== 'Intended' && step.state !== 'Done') continue
    if (covers(step, write)) return { record, step, id: idOf(record, step, begun.length) }
  }
  return undefined
}

/** Every write to other people's objects follows an intent on a record, and none is repeated for the same step. */
const checkIntents = (history: History): readonly string[] => {
  const done = new Set<string>()
  return history.writes
    .filter((write) => isForeign(write) && isCommitted(write))
    .flatMap((write) => {
      const covering = coveringOf(history, write)
      if (!covering) return [`${named(write)} without an intent on a record before it`]
      // A StatefulSet's pods have the same name again.
      const key = `${named(write)} ${isToPod(write) ? podUidOf(write) : ''} for ${covering.id}`
      if (done.has(key)) return [`${named(write)} twice for attempt ${covering.step.attempt}`]
      done.add(key)
      return []
    })
}

const FINAL = new Set(['Succeeded', 'Cancelled', 'Ineffective', 'Failed'])

/** A record is finished in the final phases and in no other, and never changes after that. */
const checkPhases = (writes: readonly AuditedWrite[]): readonly string[] => {
  const ended = new Map<string, string>()
  return writes
    .filter((write) => isRecord(write) && isCommitted(write))
    .toSorted((a, b) => Number(recordOf(a).metadata.resourceVersion) - Number(recordOf(b).metadata.resourceVersion))
    .flatMap((write) => {
      const { metadata, status } = recordOf(write)
      const before = ended.get(metadata.uid)
      const { phase = '', reason = '', finishedAt } = status ?? {}
      const isFinished = finishedAt !== undefined
      if (isFinished !== FINAL.has(phase))
        return [`record ${metadata.name} is ${phase} ${reason} and ${isFinished ? 'finished' : 'not finished'}`]
      const now = `${phase} ${reason}`
      if (isFinished && before === undefined) ended.set(metadata.uid, now)
      return before === undefined || before === now ? [] : [`record ${metadata.name} was ${before} and became ${now}`]
    })
}

/** When each attempt began, by incident: the first intent of its number. */
const attemptsOf = (writes: readonly AuditedWrite[]): ReadonlyMap<string, readonly number[]> => {
  const begun = new Map<string, number>()
  const incident = new Map<string, number[]>()
  for (const write of writes) {
    if (!isRecord(write) || !isCommitted(write)) continue
    const record = recordOf(write)
    const last = steps(record).at(-1)
    if (last?.state !== 'Intended' && last?.state !== 'Done') continue
    const key = `${record.metadata.uid} ${last.attempt}`
    if (begun.has(key)) continue
    begun.set(key, write.receivedAt)
    const owner = record.spec.target.uid
    incident.set(owner, [...(incident.get(owner) ?? []), write.receivedAt])
  }
  return incident
}

const SLACK_MS = 1_000

const checkLimits = (writes: readonly AuditedWrite[], limits: Limits): readonly string[] => {
  const attempts = attemptsOf(writes)
  const complaints: string[] = []
  for (const [owner, times] of attempts) {
    if (times.length > limits.maxAttempts)
      complaints.push(`${times.length} attempts at ${owner}; the policy allows ${limits.maxAttempts}`)
    for (const [at, time] of times.entries()) {
      const before = times[at - 1]
      if (before !== undefined && time - before < limits.cooldownMs - SLACK_MS)
        complaints.push(`attempt ${at + 1} began ${Math.round((time - before) / 1_000)} s after the one before it`)
    }
  }
  const all = [...attempts.values()].flat().length
  if (all > limits.maxPerHour)
    complaints.push(`${all} attempts within the hour; the policy allows ${limits.maxPerHour}`)
  return complaints
}

/** In mode Approve: the record bore an approval of that very plan when its intent was written. */
const checkApprovals = (history: History): readonly string[] =>
  history.writes
    .filter((write) => isForeign(write) && isCommitted(write))
    .flatMap((write) => {
      const covering = coveringOf(history, write)
      if (!covering) return []
      const { approval } = covering.record.spec
      const isGiven = approval?.decision === 'Approved' && approval.planHash === covering.step.planHash
      return isGiven ? [] : [`${named(write)} without an approval of plan ${covering.step.planHash}`]
    })

const checkProhibitions = (writes: readonly AuditedWrite[], prohibitions: readonly Prohibition[]): readonly string[] =>
  prohibitions.flatMap(({ what, since, until = Number.POSITIVE_INFINITY, forbids }) =>
    writes
      .filter((write) => isForeign(write) && isCommitted(write) && forbids(write))
      .filter(({ receivedAt }) => receivedAt > since && receivedAt < until)
      .map((write) => `${named(write)} ${Math.round(write.receivedAt - since)} ms after it was known that ${what}`),
  )

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false

/** A pod that is ready proves that it needs no remedy; whoever deletes it believed something older. */
const checkReady = (writes: readonly AuditedWrite[]): readonly string[] =>
  writes
    .filter((write) => isForeign(write) && isCommitted(write) && write.verb === 'delete' && write.resource === 'pods')
    .filter(({ answer }) => isReady((answer ?? {}) as Pod))
    .map((write) => `${named(write)}, which was ready`)

export interface Judged extends History {
  readonly limits: Limits
  readonly prohibitions?: readonly Prohibition[]
}

/** Every rule that the writes of one run broke, each as a sentence. */
export const judgeWrites = ({ writes, forgotten, limits, prohibitions = [] }: Judged): readonly string[] => [
  ...checkIntents({ writes, forgotten }),
  ...checkReady(writes),
  ...checkPhases(writes),
  ...checkLimits(writes, limits),
  ...(limits.approval ? checkApprovals({ writes, forgotten }) : []),
  ...checkProhibitions(writes, prohibitions),
]

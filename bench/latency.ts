/** P1: the time from the failing status to the first write on the target itself, by the API server's clock. */
import type { AuditedRequest } from './audit.ts'
import { USERS } from './cluster.ts'
import type { Incident, Round } from './round.ts'
import { quantile, type Spread, spreadOf } from './statistics.ts'

/** First incidents of a round, excluded for every contender because caches and code are cold. */
export const WARM_UP = 10

interface Course {
  readonly committedAt: number
  readonly write: AuditedRequest
  /** The contender's own requests about this incident before the write. */
  readonly before: readonly AuditedRequest[]
}

const isAbout = ({ workload, node, pod }: Incident, { resource, namespace, name }: AuditedRequest): boolean =>
  resource === 'nodes' ? name === node : namespace === pod.namespace && name.startsWith(workload)

/** A deletion or eviction that succeeded. */
export const isRemoval = ({ verb, resource, subresource, code }: AuditedRequest): boolean =>
  resource === 'pods' && code < 300 && (verb === 'delete' ? subresource === '' : subresource === 'eviction')

const courseOf = (incident: Incident, { requests, contender }: Round): Course | undefined => {
  const { pod } = incident
  const commit = requests.find(({ user, name }) => user === USERS.breaker && name === pod.name)
  const write = contender.find((request) => request.name === pod.name && isRemoval(request))
  if (!commit || !write) return undefined
  const before = contender.filter(
    (request) =>
      request !== write &&
      request.completedAt >= commit.receivedAt &&
      request.receivedAt <= write.receivedAt &&
      isAbout(incident, request),
  )
  return { committedAt: commit.completedAt, write, before }
}

const isCreate = ({ resource, verb }: AuditedRequest): boolean => resource === 'remediations' && verb === 'create'
const isIntent = ({ resource, verb }: AuditedRequest): boolean => resource === 'remediations' && verb === 'update'
const isOwner = ({ resource }: AuditedRequest): boolean => ['replicasets', 'deployments'].includes(resource)

/**
 * Stages between commit and write, in order: a stage ends with its last request. The reads of the policy and of the operator's
 * namespace are of no incident, and are in the stage in which the record is created.
 */
const STAGES: readonly {
  readonly name: string
  readonly ends: (request: AuditedRequest, recordedAt: number) => boolean
}[] = [
  { name: 'owner reads', ends: (request, recordedAt) => isOwner(request) && request.receivedAt < recordedAt },
  { name: 'namespace and node', ends: ({ resource }) => resource === 'nodes' },
  { name: 'record created', ends: isCreate },
  { name: 'intent written', ends: isIntent },
  { name: 'owner read again', ends: (request, recordedAt) => isOwner(request) && request.receivedAt >= recordedAt },
]

const stagesOf = ({ committedAt, write, before }: Course): Readonly<Record<string, number>> => {
  const stages: Record<string, number> = {}
  const first = Math.min(write.receivedAt, ...before.map(({ receivedAt }) => receivedAt))
  const recordedAt = before.find(isCreate)?.receivedAt ?? Number.POSITIVE_INFINITY
  stages['noticed, queued'] = first - committedAt
  let at = first
  for (const { name, ends } of STAGES) {
    const ended = before.filter((request) => ends(request, recordedAt)).map(({ completedAt }) => completedAt)
    const end = Math.max(at, ...ended)
    stages[name] = end - at
    at = end
  }
  stages['to the write'] = write.receivedAt - at
  return stages
}

export interface Latency {
  /** ms from the commit to the arrival of the write. */
  readonly toWrite: Spread
  /** ms from the commit to the response to the write. */
  readonly toAnswer: Spread
  /** The first incident after a start, ms to the write; the median of the rounds. */
  readonly first: number
  /** Median ms of each stage; the sum is approximate, as each is a median of its own. */
  readonly stages: Readonly<Record<string, number>>
  readonly missed: number
  readonly incidents: number
}

/** Rounds of one contender, joined: each starts cold, so each loses its first incidents. */
export const latencyOf = (rounds: readonly Round[]): Latency => {
  const courses = rounds.map((round) =>
    round.incidents
      .map((incident) => courseOf(incident, round))
      .filter((course) => course !== undefined)
      .toSorted((a, b) => a.committedAt - b.committedAt),
  )
  const warm = courses.flatMap((each) => each.slice(Math.min(WARM_UP, Math.floor(each.length / 2))))
  const incidents = rounds.reduce((sum, round) => sum + round.incidents.length, 0)
  const toWrite = (course: Course): number => course.write.receivedAt - course.committedAt
  const stages = warm.map(stagesOf)
  const names = Object.keys(stages[0] ?? {})
  return {
    toWrite: spreadOf(warm.map(toWrite)),
    toAnswer: spreadOf(warm.map(({ committedAt, write }) => write.completedAt - committedAt)),
    first: quantile(
      courses.flatMap(([cold]) => (cold ? [toWrite(cold)] : [])),
      0.5,
    ),
    stages: Object.fromEntries(
      names.map((name) => [
        name,
        quantile(
          stages.map((each) => each[name] ?? 0),
          0.5,
        ),
      ]),
    ),
    missed: incidents - courses.flat().length,
    incidents,
  }
}

/** Inspects a node through its agent: by a NodeTask, or by reading the results of earlier ones. */
import { randomBytes } from 'node:crypto'
import type { NodeTask } from '../../api/kinds.ts'
import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import type { KubeClient, Reads } from '../../kube/client.ts'
import { notFound } from '../../kube/errors.ts'
import { pathOf, whyUnread } from '../../kube/paths.ts'
import { parseTime } from '../../model/duration.ts'
import { type Fact, known, unknown } from '../../model/incident.ts'
import { API_VERSION } from '../../model/names.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'

export interface InspectByTaskDeps {
  readonly kube: Pick<KubeClient, 'create' | 'get'>
  /** The operator's own, where NodeTasks are. */
  readonly namespace: string
  readonly clock: Clock
  /** Nodes asked at the same time. Each keeps a worker waiting, and a hundred silent nodes must not occupy all of them. */
  readonly atOnce: number
  /** A task was completed or abandoned, with its result. */
  readonly onAnswer?: (result: string) => void
}

/** An agent refuses an older task: an inspection that no one waits for is not needed. */
const DEADLINE_MS = 30_000
const GIVE_UP_MS = 10_000
const FIRST_POLL_MS = 250
const LONGEST_POLL_MS = 1_000
/** How long an answer is reused, unless a newer one is requested. */
const FRESH_MS = 5_000
/** A node that stays silent is asked less and less often: it may be switched off permanently. */
const MAX_SILENCE_MS = 120_000
/** Nodes whose answers are kept; beyond it the oldest is forgotten. */
const MAX_NODES = 1_000

interface PendingInspection {
  /** When the task was created, ms since the epoch: the inspection is newer. */
  readonly at: number
  readonly answer: Promise<Fact<NodeInspection>>
  /** The same, and until when the answer is reused, monotonic ms. */
  readonly askedAt: number
  until: number
  /** Whether the agent answered with an inspection; false until then. */
  isKnown: boolean
  /** Consecutive failures. */
  failures: number
}

/** `inspect-<node>-<random>`: each inspection has its own task. */
const nameOf = (node: string): string =>
  `inspect-${node.slice(0, 200).replace(/[.-]+$/, '')}-${randomBytes(5).toString('hex')}`

const answerOf = ({ status }: NodeTask, node: string): Fact<NodeInspection> | undefined => {
  switch (status?.phase) {
    case 'Succeeded':
      return status.inspection
        ? known(status.inspection)
        : unknown(`the agent on ${node} answered without an inspection`)
    case 'Failed':
    case 'Refused':
      return unknown(`the agent on ${node} did not inspect it: ${status.reason ?? ''} ${status.message ?? ''}`.trim())
    default:
      return undefined
  }
}

const describeCreateError = (path: string, error: unknown): string =>
  notFound(error)
    ? 'the CRD of NodeTasks is not installed, so no agent can be asked: install it and the agent'
    : whyUnread(path, error)

/**
 * Creates an Inspect task and waits for its result. Concurrent callers for one node share a task, and its result is reused
 * for a few seconds; `since` requires one created after it, and `maxAgeMs` accepts an older one.
 * Never rejects.
 */
export const createInspectByTask = ({ kube, namespace, clock, atOnce, onAnswer }: InspectByTaskDeps): Inspect => {
  const byNode = new Map<string, PendingInspection>()
  let inProgress = 0

  const inspectByTask = async ({ name: nodeName, uid: nodeUid }: InspectTarget): Promise<Fact<NodeInspection>> => {
    const path = pathOf({ kind: 'NodeTask', namespace })
    const deadline = new Date(clock.now() + DEADLINE_MS).toISOString()
    const spec: NodeTaskSpec = { nodeName, nodeUid, verb: 'Inspect', deadline }
    const body = { apiVersion: API_VERSION, kind: 'NodeTask', metadata: { name: nameOf(nodeName), namespace }, spec }
    const { metadata } = await kube.create<NodeTask>(path, body)
    const giveUpAt = clock.monotonic() + GIVE_UP_MS
    for (let waitMs = FIRST_POLL_MS; clock.monotonic() < giveUpAt; waitMs = Math.min(waitMs * 1.5, LONGEST_POLL_MS)) {
      await sleep(clock, waitMs)
      const task = await kube.get<NodeTask>(pathOf({ kind: 'NodeTask', namespace, name: metadata.name }))
      const answer = answerOf(task, nodeName)
      if (answer === undefined) continue
      onAnswer?.(task.status?.reason ?? '')
      return answer
    }
    onAnswer?.('NoAnswer')
    return unknown(
      `the agent on ${nodeName} did not answer within ${GIVE_UP_MS / 1_000} s: is it installed and running there?`,
    )
  }

  const ask = (node: InspectTarget, previous: PendingInspection | undefined): PendingInspection => {
    inProgress += 1
    const asked: PendingInspection = {
      at: clock.now(),
      askedAt: clock.monotonic(),
      isKnown: false,
      until: Number.POSITIVE_INFINITY,
      failures: 0,
      answer: inspectByTask(node)
        .catch((error: unknown) => unknown(describeCreateError(pathOf({ kind: 'NodeTask', namespace }), error)))
        .then((answer) => {
          inProgress -= 1
          asked.isKnown = answer.known
          asked.failures = answer.known ? 0 : (previous?.failures ?? 0) + 1
          const lastsMs = FRESH_MS * 4 ** Math.max(0, asked.failures - 1)
          asked.until = clock.monotonic() + Math.min(lastsMs, MAX_SILENCE_MS)
          return answer
        }),
    }
    return asked
  }

  return (node) => {
    const { uid, since = 0, maxAgeMs = 0 } = node
    const now = clock.monotonic()
    const previous = byNode.get(uid)
    if (previous && previous.at >= since) {
      const serves = previous.until > now || (previous.isKnown && now - previous.askedAt < maxAgeMs)
      if (serves) return previous.answer
    }
    if (inProgress >= atOnce) {
      return Promise.resolve(
        unknown(`the agents of ${inProgress} other nodes are being asked; the agent on ${node.name} is asked later`),
      )
    }
    const asked = ask(node, previous)
    setBounded(byNode, uid, asked, MAX_NODES)
    return asked.answer
  }
}

export interface InspectByReadingDeps {
  readonly reads: Reads
  /** The operator's own, where NodeTasks are. */
  readonly namespace: string
  readonly now: () => number
}

/** An older inspection says nothing about the present. */
const MAX_AGE_MS = 10 * 60_000

const inspectionOf = ({
  status,
}: NodeTask): { readonly at: number; readonly inspection: NodeInspection } | undefined => {
  const at = parseTime(status?.inspection?.at)
  return status?.inspection && at !== undefined ? { at, inspection: status.inspection } : undefined
}

/** For callers without write access: the newest inspection of the node within ten minutes. Never rejects. */
export const createInspectByReading =
  ({ reads, namespace, now }: InspectByReadingDeps): Inspect =>
  async ({ name, uid }) => {
    const path = pathOf({ kind: 'NodeTask', namespace })
    try {
      const { items } = await reads.list<NodeTask>(path, { fieldSelector: `spec.nodeName=${name}` })
      const newest = items
        .filter(({ spec }) => spec.nodeUid === uid)
        .flatMap((task) => inspectionOf(task) ?? [])
        .filter(({ at }) => now() - at <= MAX_AGE_MS)
        .toSorted((a, b) => b.at - a.at)[0]
      return newest
        ? known(newest.inspection)
        : unknown(
            `the agent on ${name} reported nothing within the last ten minutes, and only the controller may ask it`,
          )
    } catch (error) {
      return unknown(notFound(error) ? 'the CRD of NodeTasks is not installed' : whyUnread(path, error))
    }
  }

/** A node to inspect. */
export interface InspectTarget {
  readonly name: string
  readonly uid: string
  /** Not older than that, ms since the epoch. */
  readonly since?: number
  /** Accepts an answer of this age, ms; absent: a few seconds. */
  readonly maxAgeMs?: number
}

/** What the agent on a node sees. Never rejects: an agent that does not answer is unknown, and says why. */
export type Inspect = (node: InspectTarget) => Promise<Fact<NodeInspection>>

/** Where no agent can be asked. */
export const inspectNothing: Inspect = () => Promise.resolve(unknown('no agent is asked here'))

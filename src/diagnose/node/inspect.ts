/** Has the agent on a node look: an order, and its answer. */
import { randomBytes } from 'node:crypto'
import type { NodeTask } from '../../api/kinds.ts'
import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { parseTime } from '../../model/duration.ts'
import { type Fact, known, unknown } from '../../model/incident.ts'
import { API_VERSION } from '../../model/names.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { type Reads, whyUnread } from '../read.ts'

/** What orders need of the Kubernetes API. */
export interface OrderApi {
  create<T>(path: string, body: unknown): Promise<T>
  get<T>(path: string): Promise<T>
}

export interface InspectByTaskDeps {
  readonly kube: OrderApi
  /** The operator's own, where orders lie. */
  readonly namespace: string
  readonly clock: Clock
  /** Nodes that are asked at once. Each keeps a worker waiting, and a hundred silent nodes must not keep all of them. */
  readonly atOnce: number
  /** An order was answered, or given up: its result in one word. */
  readonly onAnswer?: (result: string) => void
}

/** An agent refuses what is older: a look that nobody waits for any more need not be taken. */
const DEADLINE_MS = 30_000
const GIVE_UP_MS = 10_000
const FIRST_POLL_MS = 250
const LONGEST_POLL_MS = 1_000
/** How long an answer serves those who ask for nothing newer. */
const FRESH_MS = 5_000
/** A node that stays silent is asked less and less often: it may be switched off for good. */
const MAX_SILENCE_MS = 120_000
/** Nodes whose answers are kept; beyond it the oldest is forgotten. */
const MAX_NODES = 1_000

interface PendingInspection {
  /** When it was ordered, ms since the epoch: what the agent saw is newer. */
  readonly at: number
  readonly answer: Promise<Fact<NodeInspection>>
  /** Until when the answer serves, ms since the epoch. */
  until: number
  /** Whether the agent told what it saw; false while it is asked. */
  isKnown: boolean
  /** How often in a row nothing came of it. */
  failures: number
}

/** `inspect-<node>-<random>`: each look is another one. */
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
 * Orders an Inspect and waits for the answer. Those who ask of one node at once share one order, and its answer serves a
 * few seconds; `since` makes it a new one where the last was ordered before, and `maxAgeMs` lets an older one serve.
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
          asked.until = clock.now() + Math.min(lastsMs, MAX_SILENCE_MS)
          return answer
        }),
    }
    return asked
  }

  return (node) => {
    const { uid, since = 0, maxAgeMs = 0 } = node
    const now = clock.now()
    const previous = byNode.get(uid)
    if (previous && previous.at >= since) {
      const serves = previous.until > now || (previous.isKnown && now - previous.at < maxAgeMs)
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
  /** The operator's own, where orders lie. */
  readonly namespace: string
  readonly now: () => number
}

/** What an agent saw longer ago tells nothing of now. */
const MAX_AGE_MS = 10 * 60_000

const inspectionOf = ({
  status,
}: NodeTask): { readonly at: number; readonly inspection: NodeInspection } | undefined => {
  const at = parseTime(status?.inspection?.at)
  return status?.inspection && at !== undefined ? { at, inspection: status.inspection } : undefined
}

/** For those who may write nothing: the newest that the agent on the node said within ten minutes. Never rejects. */
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

/** A node whose state is asked for. */
export interface InspectTarget {
  readonly name: string
  readonly uid: string
  /** Not older than that, ms since the epoch. */
  readonly since?: number
  /** So old an answer will do, ms; absent: one of a few seconds. */
  readonly maxAgeMs?: number
}

/** What the agent on a node sees. Never rejects: an agent that does not answer is unknown, and says why. */
export type Inspect = (node: InspectTarget) => Promise<Fact<NodeInspection>>

/** Where nobody can be asked. */
export const inspectNothing: Inspect = () => Promise.resolve(unknown('no agent is asked here'))

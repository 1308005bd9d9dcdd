/**
 * Writes Events. They only tell: one that cannot be written is logged and never fails what it speaks of. The same
 * words about the same object make one Event whose count grows.
 */
import { createHash } from 'node:crypto'
import type { KubeClient } from '../kube/client.ts'
import { pathOf } from '../kube/paths.ts'
import { isoTime } from '../model/duration.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import type { EventMessage } from './event-messages.ts'

const REPORTING_COMPONENT = 'podmend.io/controller'
/** Within this time after the last occurrence no second Event is made. */
const SAME_MS = 10 * 60_000
/** How often the count of an Event is written at most. */
const BUMP_MS = 5 * 60_000
const MAX_REMEMBERED = 2_000
/** Events take their turn: they must not fill the connections that writes to workloads need. */
const CONCURRENCY = 2
const MAX_WAITING = 1_000
/** Where Events about cluster-scoped objects live. */
const CLUSTER_SCOPED_NAMESPACE = 'default'

export interface EventWriterDeps {
  readonly client: Pick<KubeClient, 'create' | 'patch'>
  readonly now: () => number
  /** Which process reports, e.g. its pod's name. */
  readonly instance: string
  readonly onFailure: (error: unknown, note: EventMessage) => void
}

interface Remembered {
  readonly name: string
  readonly namespace: string
  count: number
  lastAt: number
  writtenAt: number
}

export interface EventWriter {
  /** Resolves when all are written or given up; never rejects. */
  readonly emit: (notes: readonly EventMessage[]) => Promise<void>
}

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** A core/v1 Event as it is sent; pure. `now` in ms since the epoch. */
export const eventOf = (note: EventMessage, now: number, instance: string) => {
  const { regarding, type, reason, message } = note
  const namespace = regarding.namespace ?? CLUSTER_SCOPED_NAMESPACE
  const name = `${regarding.name.slice(0, 200)}.${digest(regarding.uid, reason, message, String(now)).slice(0, 16)}`
  const { apiVersion, kind, uid } = regarding
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion,
      kind,
      name: regarding.name,
      uid,
      ...(regarding.namespace !== undefined && { namespace: regarding.namespace }),
    },
    type,
    reason,
    message,
    count: 1,
    firstTimestamp: isoTime(now),
    lastTimestamp: isoTime(now),
    source: { component: 'podmend' },
    reportingComponent: REPORTING_COMPONENT,
    reportingInstance: instance,
  }
}

export const createEventWriter = ({ client, now, instance, onFailure }: EventWriterDeps): EventWriter => {
  const remembered = new Map<string, Remembered>()

  const write = async (note: EventMessage): Promise<void> => {
    const at = now()
    const key = digest(note.regarding.uid, note.reason, note.message)
    const seen = remembered.get(key)
    if (seen && at - seen.lastAt < SAME_MS) {
      seen.count += 1
      seen.lastAt = at
      setBounded(remembered, key, seen, MAX_REMEMBERED)
      if (at - seen.writtenAt < BUMP_MS) return
      seen.writtenAt = at
      const path = pathOf({ kind: 'Event', namespace: seen.namespace, name: seen.name })
      await client.patch(path, { count: seen.count, lastTimestamp: isoTime(at) }, { type: 'merge' })
      return
    }
    const event = eventOf(note, at, instance)
    const { name, namespace } = event.metadata
    setBounded(remembered, key, { name, namespace, count: 1, lastAt: at, writtenAt: at }, MAX_REMEMBERED)
    try {
      await client.create(pathOf({ kind: 'Event', namespace }), event)
    } catch (error) {
      remembered.delete(key)
      throw error
    }
  }

  const waiting: (() => void)[] = []
  let busy = 0
  const inTurn = async (work: () => Promise<void>): Promise<void> => {
    if (busy < CONCURRENCY) busy += 1
    else {
      if (waiting.length >= MAX_WAITING) throw new Error(`dropping an Event: ${MAX_WAITING} wait already`)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    try {
      await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else busy -= 1
    }
  }

  return {
    emit: async (notes) => {
      const all = notes.map((note) => inTurn(() => write(note)).catch((error: unknown) => onFailure(error, note)))
      await Promise.all(all)
    },
  }
}

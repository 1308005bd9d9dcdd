/** Events as client-go's recorder writes them (tools/record/events_cache.go): counted, combined, and limited in number. */
import { createHash, randomBytes } from 'node:crypto'
import { type Api, ApiError } from './api.ts'
import type { Pod } from './objects.ts'

export interface Happening {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  /** `spec.containers{nginx}`; absent for the pod as a whole. */
  readonly fieldPath?: string
}

export interface Recorder {
  record(pod: Pod, node: string, happening: Happening): void
  /** Resolves when all that was recorded until now is written. */
  settled(): Promise<void>
}

export interface RecorderOptions {
  /** How many about one pod and type, then one in five minutes. Default 25, as in life. */
  readonly burst?: number
  /** Only warnings: for loads in which healthy pods' Events would be noise. Default false. */
  readonly warningsOnly?: boolean
}

/** From the so many-th message that differs in nothing else, they are combined. */
const COMBINE_AT = 10
const COMBINED = '(combined from similar events): '
const REFILL_MS = 300_000

interface Written {
  readonly path: string
  count: number
}

const keyOf = (...parts: readonly unknown[]): string => createHash('sha1').update(parts.join('\0')).digest('base64')

export const makeRecorder = (api: Api, { burst = 25, warningsOnly = false }: RecorderOptions = {}): Recorder => {
  const written = new Map<string, Written>()
  const messages = new Map<string, Set<string>>()
  const budgets = new Map<string, { tokens: number; at: number }>()
  /** By pod: writes of one pod keep their order. */
  const queues = new Map<string, Promise<void>>()

  const allowed = (key: string, now: number): boolean => {
    const budget = budgets.get(key) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, budget.tokens + (now - budget.at) / REFILL_MS)
    budgets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
    return tokens >= 1
  }

  const write = async (pod: Pod, node: string, happening: Happening): Promise<void> => {
    const { name, namespace, uid, resourceVersion } = pod.metadata
    const { type, reason, fieldPath } = happening
    const alike = keyOf(node, uid, fieldPath, type, reason)
    const known = messages.get(alike) ?? new Set()
    messages.set(alike, known.add(happening.message))
    const isCombined = known.size >= COMBINE_AT
    const message = isCombined ? `${COMBINED}${happening.message}` : happening.message
    const key = keyOf(alike, isCombined ? '' : message)
    if (!allowed(keyOf(node, uid, type), Date.now())) return

    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const earlier = written.get(key)
    if (earlier) {
      earlier.count++
      try {
        const patch = { count: earlier.count, lastTimestamp: now, message }
        await api.call('PATCH', earlier.path, patch, 'application/strategic-merge-patch+json')
        return
      } catch (cause) {
        if (!(cause instanceof ApiError) || cause.status !== 404) throw cause
      }
    }
    const eventName = `${name}.${randomBytes(8).toString('hex')}`
    const collection = `/api/v1/namespaces/${namespace}/events`
    await api.call('POST', collection, {
      metadata: { name: eventName, namespace },
      involvedObject: {
        kind: 'Pod',
        namespace,
        name,
        uid,
        apiVersion: 'v1',
        resourceVersion,
        ...(fieldPath !== undefined && { fieldPath }),
      },
      reason,
      message,
      source: { component: 'kubelet', host: node },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      reportingComponent: 'kubelet',
      reportingInstance: node,
    })
    written.set(key, { path: `${collection}/${eventName}`, count: 1 })
  }

  return {
    record: (pod, node, happening) => {
      if (warningsOnly && happening.type === 'Normal') return
      const { uid } = pod.metadata
      const next = (queues.get(uid) ?? Promise.resolve())
        .then(() => write(pod, node, happening))
        .catch(() => {}) // an Event is best effort: its namespace may be going away
        .finally(() => {
          if (queues.get(uid) === next) queues.delete(uid)
        })
      queues.set(uid, next)
    },
    settled: async () => {
      await Promise.all(queues.values())
    },
  }
}

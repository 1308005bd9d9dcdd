import type { NodeTask } from '../api/kinds.ts'
import type { NodeTaskStatus } from '../api/node-task.ts'
import type { KubeClient } from '../kube/client.ts'
import { conflict, forbidden, invalid, kubeErrorOf, notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { backoffMs } from '../runtime/backoff.ts'
import { isFinished } from '../model/node-tasks.ts'
import { type Clock, sleep } from '../runtime/clock.ts'

export interface TaskStatusDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch'>
  readonly clock: Clock
  readonly onError: (error: unknown, about: { readonly task: string; readonly retryInMs: number }) => void
}

/** Whose it is can be told by when it was begun: an agent writes the same time with its intent and with its answer. */
export type OwnStatus = NodeTaskStatus & { readonly startedAt: string }

const BACKOFF = { baseMs: 500, maxMs: 15_000 }
/** Four tries for what the schema refuses, about a minute for rights that an upgrade may be giving just now. */
const isPermanent = (error: unknown, failures: number): boolean =>
  (invalid(error) && failures > 3) || (forbidden(error) && failures > 8)

/** A server that has just started and does not serve the kind yet says 404 as well, but names no object. */
const isGone = (error: unknown, name: string): boolean => notFound(error) && kubeErrorOf(error)?.details?.name === name

/** Two agents may be there for a moment: what one has begun, the other leaves alone. */
const isOtherAgents = ({ status }: NodeTask, { startedAt }: OwnStatus): boolean =>
  status?.phase === 'Running' && status.startedAt !== startedAt

/**
 * Writes the status of a task, only of this very task and only as it was read: what somebody else wrote meanwhile is
 * read first. Tries until `until` (ms since the epoch), for what was done must be told. Undefined where the task is gone,
 * answered already or begun by another, or could not be written to in time.
 */
export const writeStatus = async (
  task: NodeTask,
  status: OwnStatus,
  until: number,
  { client, clock, onError }: TaskStatusDeps,
): Promise<NodeTask | undefined> => {
  const { name, namespace, uid } = task.metadata
  const path = pathOf({ kind: 'NodeTask', namespace, name })
  let version = task.metadata.resourceVersion
  for (let failures = 1; ; failures += 1) {
    try {
      const body = { metadata: { uid, resourceVersion: version }, status }
      return await client.patch<NodeTask>(`${path}/status`, body, { type: 'merge' })
    } catch (error) {
      if (isGone(error, name)) return undefined
      const retryInMs = conflict(error) && failures < 5 ? 0 : backoffMs(BACKOFF, failures)
      if (isPermanent(error, failures) || clock.now() + retryInMs > until) {
        onError(error, { task: name, retryInMs: -1 })
        return undefined
      }
      if (retryInMs > 0) onError(error, { task: name, retryInMs })
      await sleep(clock, retryInMs)
    }
    const now = await client
      .get<NodeTask>(path)
      .catch((error: unknown) => (isGone(error, name) ? undefined : ('unread' as const)))
    if (now === 'unread') continue
    if (now === undefined || now.metadata.uid !== uid || isFinished(now) || isOtherAgents(now, status)) return undefined
    version = now.metadata.resourceVersion
  }
}

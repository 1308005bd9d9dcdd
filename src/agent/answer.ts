import type { NodeTaskStatus } from '../api/node-task.ts'
import type { NodeTask } from '../api/objects.ts'
import { backoffMs } from '../runtime/backoff.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import { conflict, forbidden, invalid, notFound } from '../runtime/errors.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'

/** A task is answered when it is in one of the final phases. */
export const isAnswered = ({ status }: Pick<NodeTask, 'status'>): boolean =>
  status?.phase !== undefined && status.phase !== 'Running'

export interface AnswerDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch'>
  readonly clock: Clock
  readonly onError: (error: unknown, about: { readonly task: string; readonly retryInMs: number }) => void
}

const BACKOFF = { baseMs: 500, maxMs: 15_000 }

/**
 * Writes the status of a task, only of this very task and only as it was read: what somebody else wrote meanwhile is
 * read first. Tries until `until` (ms since the epoch), for what was done must be told. Undefined where the task is gone,
 * answered already, or could not be written to in time.
 */
export const writeStatus = async (
  task: NodeTask,
  status: NodeTaskStatus,
  until: number,
  { client, clock, onError }: AnswerDeps,
): Promise<NodeTask | undefined> => {
  const { name, namespace, uid } = task.metadata
  const path = pathOf({ kind: 'NodeTask', namespace, name })
  let version = task.metadata.resourceVersion
  for (let failures = 0; ; ) {
    try {
      const body = { metadata: { uid, resourceVersion: version }, status }
      return await client.patch<NodeTask>(`${path}/status`, body, { type: 'merge' })
    } catch (error) {
      if (notFound(error)) return undefined
      failures += 1
      const retryInMs = conflict(error) && failures < 5 ? 0 : backoffMs(BACKOFF, failures)
      const hopeless = (forbidden(error) || invalid(error)) && failures > 3
      if (hopeless || clock.now() + retryInMs > until) {
        onError(error, { task: name, retryInMs: -1 })
        return undefined
      }
      if (retryInMs > 0) onError(error, { task: name, retryInMs })
      await sleep(clock, retryInMs)
    }
    const now = await client.get<NodeTask>(path).catch((error: unknown) => {
      if (notFound(error)) return undefined
      return task
    })
    if (now === undefined || now.metadata.uid !== uid || isAnswered(now)) return undefined
    version = now.metadata.resourceVersion
  }
}

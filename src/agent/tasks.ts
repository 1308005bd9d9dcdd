/** The single watch of the agent; executes tasks one at a time, in order of creation. */
import type { NodeTask } from '../api/kinds.ts'
import type { KubeClient } from '../kube/client.ts'
import { createReflector } from '../kube/informer.ts'
import { pathOf } from '../kube/paths.ts'
import type { KubeObject } from '../model/kubernetes.ts'
import { isFinished } from '../model/node-tasks.ts'
import { execute, type ExecuteDeps } from './execute.ts'

export interface TasksDeps extends Omit<ExecuteDeps, 'client' | 'onError'> {
  readonly client: KubeClient
  readonly nodeName: string
  readonly namespace: string
  readonly onError: (message: string, about: Readonly<Record<string, unknown>>) => void
  readonly onTask: (message: string, about: Readonly<Record<string, unknown>>) => void
}

export interface Tasks {
  readonly start: () => void
  /** Accepts no more tasks; resolves when the current one is completed. */
  readonly stop: () => Promise<void>
  readonly synced: Promise<void>
}

/** All that is kept of a task that has its answer. */
interface Finished {
  readonly metadata: { readonly uid: string }
  readonly answered: true
}

/** After the deadline of a task that another agent has begun: until then, its answer can come. */
const OTHER_AGENT_GRACE_MS = 30_000

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const oldestFirst = ({ metadata: a }: NodeTask, { metadata: b }: NodeTask): number =>
  compare(a.creationTimestamp ?? '', b.creationTimestamp ?? '') || compare(a.name, b.name)

export const createTasks = (deps: TasksDeps): Tasks => {
  const { client, nodeName, namespace, clock, onError, onTask } = deps
  const open = new Map<string, NodeTask>()
  /** Uids of this process's own: their echoes are no news. */
  const done = new Set<string>()
  /** Tasks that another agent of this node has begun, and what forgets them. */
  const otherAgents = new Map<string, () => void>()
  let stopping = false
  let working: Promise<void> | undefined

  const executeDeps: ExecuteDeps = {
    ...deps,
    onError: (err, about) => onError('writing the task status failed', { err, ...about }),
  }

  const work = async (): Promise<void> => {
    for (;;) {
      const [task] = [...open.values()].toSorted(oldestFirst)
      if (!task || stopping) return
      const { uid, name } = task.metadata
      done.add(uid)
      open.delete(uid)
      onTask('task started', { task: name, verb: task.spec.verb })
      await execute(task, executeDeps).catch((err: unknown) =>
        onError('executing the task failed', { err, task: name }),
      )
      onTask('task finished', { task: name, verb: task.spec.verb })
    }
  }

  const wake = (): void => {
    working ??= work().finally(() => {
      working = undefined
      if (open.size > 0 && !stopping) wake()
    })
  }

  const enqueue = (task: NodeTask): void => {
    open.set(task.metadata.uid, task)
    wake()
  }

  /** Nothing of it need be remembered: it will never be open again. */
  const forget = (uid: string): void => {
    open.delete(uid)
    done.delete(uid)
    otherAgents.get(uid)?.()
    otherAgents.delete(uid)
  }

  const onUpsert = (task: NodeTask | Finished): void => {
    const { uid } = task.metadata
    if ('answered' in task) return forget(uid)
    if (done.has(uid)) return
    // One that was begun before this process is its own to find out about; one that begins beside it is not.
    const startedElsewhere = task.status?.phase === 'Running' && reflector.hasSynced()
    if (!startedElsewhere) return enqueue(task)
    open.delete(uid)
    otherAgents.get(uid)?.()
    const waitMs = Date.parse(task.spec.deadline) + OTHER_AGENT_GRACE_MS - clock.now()
    otherAgents.set(
      uid,
      clock.setTimeout(() => enqueue(task), waitMs),
    )
  }

  const reflector = createReflector<NodeTask & KubeObject, NodeTask | Finished>({
    name: 'nodetasks',
    client,
    clock,
    path: pathOf({ kind: 'NodeTask', namespace }),
    query: { fieldSelector: `spec.nodeName=${nodeName}` },
    // Inspections may be long and are not needed here.
    project: (task) => (isFinished(task) ? { metadata: { uid: task.metadata.uid }, answered: true } : task),
    on: {
      upsert: onUpsert,
      remove: (_, { uid }) => forget(uid),
      error: (err, about) => onError('watch failed, retrying', { err, ...about }),
    },
  })
  return {
    start: reflector.start,
    synced: reflector.synced,
    stop: async () => {
      stopping = true
      await reflector.stop()
      for (const cancel of otherAgents.values()) cancel()
      await working
    },
  }
}

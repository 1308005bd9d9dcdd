/** The one watch of the agent, and what it shows carried out: one task at a time, in the order in which they were given. */
import type { KubeObject } from '../api/kubernetes.ts'
import type { NodeTask } from '../api/objects.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import { createReflector } from '../runtime/reflector.ts'
import { isAnswered } from './answer.ts'
import { carryOut, type CarryOutDeps } from './carry-out.ts'

export interface TasksDeps extends Omit<CarryOutDeps, 'client' | 'onError'> {
  readonly client: KubeClient
  readonly namespace: string
  readonly onError: (message: string, about: Readonly<Record<string, unknown>>) => void
  readonly onTask: (message: string, about: Readonly<Record<string, unknown>>) => void
}

export interface Tasks {
  readonly start: () => void
  /** Takes no more tasks; resolves when the one under way is answered. */
  readonly stop: () => Promise<void>
  readonly synced: Promise<void>
}

/** All that is kept of a task that has its answer. */
interface Answered {
  readonly metadata: { readonly uid: string }
  readonly answered: true
}

const order = (a: NodeTask, b: NodeTask): number =>
  (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
  a.metadata.name.localeCompare(b.metadata.name)

export const createTasks = (deps: TasksDeps): Tasks => {
  const { client, identity, namespace, clock, onError, onTask } = deps
  const open = new Map<string, NodeTask>()
  /** Uids of this process's own: their echoes are no news. */
  const done = new Set<string>()
  let stopping = false
  let working: Promise<void> | undefined

  const carry: CarryOutDeps = {
    ...deps,
    onError: (err, about) => onError('answering failed', { err, ...about }),
  }

  const work = async (): Promise<void> => {
    for (;;) {
      const [task] = [...open.values()].toSorted(order)
      if (!task || stopping) return
      const { uid, name } = task.metadata
      done.add(uid)
      open.delete(uid)
      onTask('task begun', { task: name, verb: task.spec.verb })
      await carryOut(task, carry).catch((err: unknown) => onError('carrying out failed', { err, task: name }))
      onTask('task done', { task: name, verb: task.spec.verb })
    }
  }

  const wake = (): void => {
    working ??= work().finally(() => {
      working = undefined
      if (open.size > 0 && !stopping) wake()
    })
  }

  const saw = (task: NodeTask | Answered): void => {
    const { uid } = task.metadata
    if ('answered' in task) {
      open.delete(uid)
      // Nothing of it need be remembered: it will never be open again.
      done.delete(uid)
    } else if (!done.has(uid)) {
      open.set(uid, task)
      wake()
    }
  }

  const reflector = createReflector<NodeTask & KubeObject, NodeTask | Answered>({
    name: 'nodetasks',
    client,
    clock,
    path: pathOf({ kind: 'NodeTask', namespace }),
    query: { fieldSelector: `spec.nodeName=${identity.nodeName}` },
    // An answer may be long, and nobody here reads it.
    project: (task) => (isAnswered(task) ? { metadata: { uid: task.metadata.uid }, answered: true } : task),
    on: {
      upsert: saw,
      remove: (_, { uid }) => {
        open.delete(uid)
        done.delete(uid)
      },
    },
    onError: (err, about) => onError('watch failed, taken up again', { err, ...about }),
  })
  return {
    start: reflector.start,
    synced: reflector.synced,
    stop: async () => {
      stopping = true
      await reflector.stop()
      await working
    },
  }
}

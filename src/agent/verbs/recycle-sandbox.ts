import type { NodeTaskSpec } from '../../api/node-task.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Cri, Sandbox } from '../host/host.ts'
import {
  type Answer,
  DeadlinePassed,
  failed,
  refused,
  shortError,
  succeeded,
  type TaskBefore,
  type Verb,
  within,
} from './verb.ts'

interface RecycleSandboxDeps {
  readonly cri: Cri
  readonly clock: Clock
}

/** Limit of the task status; a pod has one, or a few after failures. The next task handles the rest. */
const MOST = 64

const podUidOf = (spec: NodeTaskSpec): string => {
  if (spec.recycleSandbox === undefined) throw new Error('the task does not name a pod')
  return spec.recycleSandbox.podUid
}

const counted = (ids: readonly string[]): string => (ids.length === 1 ? 'sandbox' : `${ids.length} sandboxes`)
const shortened = (id: string): string => id.slice(0, 13)

/** A sentence where a container of the pod runs: then its sandbox is not what keeps it from starting. */
const inUse = async (cri: Cri, podUid: string, ids: readonly string[]): Promise<Answer | undefined> => {
  for (const id of ids) {
    const running = await cri.runningContainers(id)
    const containers = running === 1 ? 'a container is running' : `${running} containers are running`
    if (running > 0) return refused('SandboxInUse', `${containers} in sandbox ${shortened(id)} of pod ${podUid}`)
  }
  return undefined
}

/** Stops and removes one. A stale network namespace may keep it from being stopped: the runtime may remove it even so. */
const recycle = async (cri: Cri, id: string, inTime: () => void): Promise<string | undefined> => {
  let stopping: string | undefined
  try {
    await cri.stop(id)
  } catch (error) {
    stopping = shortError(error)
  }
  inTime()
  try {
    await cri.remove(id)
    return undefined
  } catch (error) {
    const removing = `sandbox ${shortened(id)} could not be removed: ${shortError(error)}`
    return stopping === undefined ? removing : `${removing}; it could not be stopped either: ${stopping}`
  }
}

/** Stops and removes the sandboxes of one pod in which nothing runs, so that the kubelet makes it a new one. */
export const createRecycleSandbox = ({ cri, clock }: RecycleSandboxDeps): Verb => {
  const recycleAll = async (podUid: string, ids: readonly string[], deadline: number): Promise<Answer> => {
    // The controller has seen the task expire, so it must not continue after the deadline.
    const inTime = () => {
      if (clock.now() >= deadline) throw new DeadlinePassed(`the deadline passed before pod ${podUid} was handled`)
    }
    // The conditions of the task may have changed while its intent was written.
    const used = await inUse(cri, podUid, ids)
    if (used) return used
    const wrong: string[] = []
    for (const [i, id] of ids.entries()) {
      // Removing the previous one may have taken minutes, while the kubelet continued.
      const usedSince = i === 0 ? undefined : await inUse(cri, podUid, [id])
      inTime()
      const why = usedSince ? usedSince.message : await recycle(cri, id, inTime)
      if (why !== undefined) wrong.push(why)
    }
    const left = (await cri.sandboxesOf(podUid)).filter(({ id }) => ids.includes(id))
    // Without a response, or after an error, the runtime may still have removed it.
    if (left.length > 0 && wrong.length > 0) return failed('Error', `pod ${podUid}: ${wrong.join('; ')}`)
    if (left.length > 0) return failed('Error', `pod ${podUid}: the runtime still lists its ${counted(ids)}`)
    return succeeded(
      'Done',
      `stopped and removed the ${counted(ids)} of pod ${podUid}: ${ids.map(shortened).join(', ')}`,
    )
  }

  return {
    prepare: async (spec): Promise<TaskBefore | Answer> => {
      const podUid = podUidOf(spec)
      const oldestFirst = (a: Sandbox, b: Sandbox) => a.createdAt - b.createdAt
      const sandboxes = [...(await cri.sandboxesOf(podUid))].sort(oldestFirst)
      if (sandboxes.length === 0) return succeeded('AlreadyDone', `pod ${podUid} has no sandbox on this node`)
      const ids = sandboxes.map(({ id }) => id)
      return (await inUse(cri, podUid, ids)) ?? { sandboxes: ids.slice(0, MOST) }
    },
    run: async (spec, { sandboxes = [] }, deadline) => {
      const podUid = podUidOf(spec)
      const doing = `the ${counted(sandboxes)} of pod ${podUid} were being removed`
      try {
        return await within({ clock, deadline, doing }, () => recycleAll(podUid, sandboxes, deadline))
      } catch (error) {
        return failed(error instanceof DeadlinePassed ? 'TimedOut' : 'Error', shortError(error))
      }
    },
    recover: async (spec, { sandboxes = [] }) => {
      const podUid = podUidOf(spec)
      const left = (await cri.sandboxesOf(podUid)).filter(({ id }) => sandboxes.includes(id))
      if (left.length > 0 || sandboxes.length === 0) return 'again'
      return succeeded(
        'Done',
        `the ${counted(sandboxes)} of pod ${podUid} ${sandboxes.length === 1 ? 'is' : 'are'} gone (detected after the agent restarted)`,
      )
    },
  }
}

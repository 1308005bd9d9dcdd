/** Which orders to agents, and pods that installed something, may go: the choice is pure, the deletion by uid. */
import type { KubeObject, Pod } from '../api/kubernetes.ts'
import type { NodeTask } from '../api/objects.ts'
import { parseTime } from '../api/time.ts'

/** A look is of no use soon after; what was done to a node is kept for whoever asks what happened. */
const LOOK_LIFE_MS = 2 * 60_000
const TASK_LIFE_MS = 3_600_000
const INSTALLER_LIFE_MS = 10 * 60_000

const ageOf = ({ metadata }: KubeObject, now: number, endedAt?: string): number =>
  now - (parseTime(endedAt) ?? parseTime(metadata.creationTimestamp) ?? now)

/** Tasks that nobody reads any more. `needed`: names that a remedy under way still waits for. */
export const chooseOldTasks = (
  tasks: readonly NodeTask[],
  now: number,
  needed: ReadonlySet<string>,
): readonly NodeTask[] =>
  tasks.filter((task) => {
    if (needed.has(task.metadata.name)) return false
    const { spec, status } = task
    const life = spec.verb === 'Inspect' ? LOOK_LIFE_MS : TASK_LIFE_MS
    // One that an agent works on ends by its deadline; only then does its time to be kept begin.
    const endedAt = status?.finishedAt ?? (status?.phase === 'Running' ? spec.deadline : undefined)
    return ageOf(task, now, endedAt) >= life
  })

const endOfPod = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.map(({ state }) => state?.terminated?.finishedAt).find((at) => at !== undefined)

/** Pods that installed a mount helper, or failed to, long enough ago; one that still runs is left to its own deadline. */
export const chooseOldInstallers = (pods: readonly Pod[], now: number, needed: ReadonlySet<string>): readonly Pod[] =>
  pods.filter((pod) => {
    const phase = pod.status?.phase
    const ended = phase === 'Succeeded' || phase === 'Failed'
    return ended && !needed.has(pod.metadata.name) && ageOf(pod, now, endOfPod(pod)) >= INSTALLER_LIFE_MS
  })

/** NodeTasks, created with the identity of the controller: the API server accepts them from no one else. */
import type { NodeTask } from '../src/api/kinds.ts'
import type { TaskPhase } from '../src/model/node-tasks.ts'
import { BY_HAND, nodeNamed } from './nodes.ts'
import { CONTROLLER_USER, NAMESPACE } from './operator.ts'
import type { Fixture } from './scenario.ts'

const AS_CONTROLLER = [`--as=${CONTROLLER_USER}`, '--as-group=system:masters']
const DEADLINE_MS = 120_000

export interface TaskParts {
  readonly name: string
  readonly node: string
  readonly verb: string
  /** Default: the node's own. */
  readonly nodeUid?: string
  /** Default in two minutes. */
  readonly deadline?: Date
  readonly recycleSandbox?: object
  readonly restartRuntime?: object
}

/** Creates a task; it is deleted after the scenario. */
export const createTask = async (fixture: Fixture, parts: TaskParts): Promise<void> => {
  const { name, node, nodeUid = (await nodeNamed(fixture, node)).metadata.uid, deadline, ...spec } = parts
  const task = {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: { name, namespace: NAMESPACE, labels: { [BY_HAND]: '' } },
    spec: {
      ...spec,
      nodeName: node,
      nodeUid,
      deadline: (deadline ?? new Date(Date.now() + DEADLINE_MS)).toISOString(),
    },
  }
  fixture.onEnd(() => fixture.kubectl(['delete', 'nodetask', name, '-n', NAMESPACE, '--ignore-not-found']))
  await fixture.kubectl(['create', '-f', '-', ...AS_CONTROLLER], { input: JSON.stringify(task) })
}

/** The task, once its status has reached one of these phases. */
export const finishedTask = (
  { get, eventually }: Fixture,
  name: string,
  phases: readonly TaskPhase[],
): Promise<NodeTask> =>
  eventually(
    async () => {
      const task = await get<NodeTask>('nodetask', name, '-n', NAMESPACE)
      const { phase, reason, message } = task.status ?? {}
      if (!phase || !phases.includes(phase)) throw new Error(`${name} is ${phase} ${reason}: ${message}`)
      return task
    },
    { everyMs: 50 },
  )

export const FINAL: readonly TaskPhase[] = ['Succeeded', 'Failed', 'Refused']

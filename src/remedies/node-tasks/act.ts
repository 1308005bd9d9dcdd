/** Creates NodeTasks for the agent of one node, which executes them and reports their status. */
import type { NodeTask } from '../../api/kinds.ts'
import { alreadyExists } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { API_VERSION } from '../../model/names.ts'
import type { NodePlan, NodeTaskRequest, Outcome, PodOnNode, Write } from '../../model/plan.ts'
import type { RbacRule } from '../../model/rbac.ts'
import { takeNodeLease } from '../node-lease.ts'
import { type ActDeps, refusalOf } from '../writes.ts'

/** Permissions of every remedy that creates NodeTasks. */
export const NODE_TASK_RULE: RbacRule = {
  apiGroups: ['podmend.io'],
  resources: ['nodetasks'],
  verbs: ['create', 'get', 'delete'],
  why: 'to create tasks for node agents',
}

/** An agent must not execute a task later than this, on an outdated decision. */
const MAX_DEADLINE_MS = 10 * 60_000

const sameValue = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

/** Sorts the members of each object, because the API server keeps the order of the schema. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}

const isSameTask = ({ spec: { deadline: _, ...spec } }: NodeTask, task: NodeTaskRequest): boolean =>
  sameValue(spec, task.spec)

type Creation = 'Created' | 'Existed' | Extract<Outcome, { kind: 'Refused' }>

const createTask = async (
  task: NodeTaskRequest,
  deadline: string,
  namespace: string,
  { kube }: ActDeps,
): Promise<Creation> => {
  const { name, spec } = task
  try {
    await kube.create(pathOf({ kind: 'NodeTask', namespace }), {
      apiVersion: API_VERSION,
      kind: 'NodeTask',
      metadata: { name, namespace },
      spec: { ...spec, deadline },
    })
    return 'Created'
  } catch (error) {
    if (alreadyExists(error)) {
      const there = await kube.get<NodeTask>(pathOf({ kind: 'NodeTask', namespace, name }))
      if (isSameTask(there, task)) return 'Existed'
      return { kind: 'Refused', why: `another NodeTask has the name ${name}: delete NodeTask ${namespace}/${name}` }
    }
    const refused = refusalOf(error)
    if (refused) return refused
    throw error
  }
}

/**
 * Creates the tasks of a plan, each once: their names derive from the plan, so a task created before a crash is not
 * created again. The verification reads their status. Throws if the outcome is unknown.
 */
const createNodeTasks = async (plan: NodePlan & Tasks, deps: ActDeps): Promise<Outcome> => {
  const { namespace, clock } = deps
  if (namespace === undefined) return { kind: 'Refused', why: 'the namespace for NodeTasks is not known' }
  const deadline = new Date(clock.now() + Math.min(plan.timeoutMs, MAX_DEADLINE_MS)).toISOString()
  const wrote: Write[] = []
  for (const [i, task] of plan.tasks.entries()) {
    const created = await createTask(task, deadline, namespace, deps)
    // If one is rejected, the next would be as well; those created before are verified or abandoned.
    if (typeof created === 'object')
      return i === 0 ? created : partlyDone(plan.pods.slice(i), wrote, created.why, clock.now())
    if (created === 'Created')
      wrote.push({ verb: 'ordered', ref: { kind: 'Node', name: plan.target.name, uid: plan.target.uid } })
  }
  return wrote.length === 0 ? { kind: 'AlreadyDone' } : { kind: 'Done', at: clock.now(), wrote, left: [] }
}

/** Some tasks were created and the next was rejected: its pod and the following ones are left. */
const partlyDone = (pods: readonly PodOnNode[], wrote: readonly Write[], why: string, at: number): Outcome => ({
  kind: 'Done',
  at,
  wrote,
  left: pods.map(({ name, uid }) => ({ name, uid, why })),
})

interface Tasks {
  readonly tasks: readonly NodeTaskRequest[]
}

/** Takes the lease of the node, if remediators share leases, and creates the tasks. */
export const takeLeaseAndCreateTasks = async (plan: NodePlan & Tasks, deps: ActDeps): Promise<Outcome> =>
  (await takeNodeLease(plan, deps)) ?? createNodeTasks(plan, deps)

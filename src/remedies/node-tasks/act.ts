/** Orders to the agent of one node, which carries them out and answers. */
import type { NodeTask } from '../../api/kinds.ts'
import { alreadyExists } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { API_VERSION } from '../../model/names.ts'
import type { NodePlan, NodeTaskRequest, Outcome, PodOnNode, Write } from '../../model/plan.ts'
import type { RbacRule } from '../../model/rbac.ts'
import { takeNodeLease } from '../node-lease.ts'
import { type ActDeps, refusalOf } from '../writes.ts'

/** What every remedy needs that gives orders. */
export const ORDERS: RbacRule = {
  apiGroups: ['podmend.io'],
  resources: ['nodetasks'],
  verbs: ['create', 'get', 'delete'],
  why: 'to create tasks for node agents',
}

/** An agent that took an order later than this would act on what was true long ago. */
const MAX_DEADLINE_MS = 10 * 60_000

const sameValue = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

/** With the members of each object in one order: the API server keeps that of the schema. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}

const isSameTask = ({ spec: { deadline: _, ...spec } }: NodeTask, order: NodeTaskRequest): boolean =>
  sameValue(spec, order.spec)

type Given = 'Given' | 'GivenBefore' | Extract<Outcome, { kind: 'Refused' }>

const give = async (order: NodeTaskRequest, deadline: string, namespace: string, { kube }: ActDeps): Promise<Given> => {
  const { name, spec } = order
  try {
    await kube.create(pathOf({ kind: 'NodeTask', namespace }), {
      apiVersion: API_VERSION,
      kind: 'NodeTask',
      metadata: { name, namespace },
      spec: { ...spec, deadline },
    })
    return 'Given'
  } catch (error) {
    if (alreadyExists(error)) {
      const there = await kube.get<NodeTask>(pathOf({ kind: 'NodeTask', namespace, name }))
      if (isSameTask(there, order)) return 'GivenBefore'
      return { kind: 'Refused', why: `another NodeTask has the name ${name}: delete NodeTask ${namespace}/${name}` }
    }
    const refused = refusalOf(error)
    if (refused) return refused
    throw error
  }
}

/**
 * Gives the orders of a plan, each once: their names are made of the plan, so an order that was given before a crash is
 * not given again. What becomes of them is for the proof. Throws where the answer is unknown.
 */
const createNodeTasks = async (plan: NodePlan & Tasks, deps: ActDeps): Promise<Outcome> => {
  const { namespace, clock } = deps
  if (namespace === undefined) return { kind: 'Refused', why: 'the namespace for NodeTasks is not known' }
  const deadline = new Date(clock.now() + Math.min(plan.timeoutMs, MAX_DEADLINE_MS)).toISOString()
  const wrote: Write[] = []
  for (const [i, order] of plan.tasks.entries()) {
    const given = await give(order, deadline, namespace, deps)
    // One that is not wanted will not be wanted for the next pod either; those given before are proven or given up.
    if (typeof given === 'object') return i === 0 ? given : inPart(plan.pods.slice(i), wrote, given.why, clock.now())
    if (given === 'Given')
      wrote.push({ verb: 'ordered', ref: { kind: 'Node', name: plan.target.name, uid: plan.target.uid } })
  }
  return wrote.length === 0 ? { kind: 'AlreadyDone' } : { kind: 'Done', at: clock.now(), wrote, left: [] }
}

/** Some were given and the next was refused: its pods, and those after it, are left. */
const inPart = (pods: readonly PodOnNode[], wrote: readonly Write[], why: string, at: number): Outcome => ({
  kind: 'Done',
  at,
  wrote,
  left: pods.map(({ name, uid }) => ({ name, uid, why })),
})

interface Tasks {
  readonly tasks: readonly NodeTaskRequest[]
}

/** Takes the lease of the node, where remediators share those, and gives the orders. */
export const orderTasks = async (plan: NodePlan & Tasks, deps: ActDeps): Promise<Outcome> =>
  (await takeNodeLease(plan, deps)) ?? createNodeTasks(plan, deps)

/** How many nodes are unhealthy, against how many may be: the storm breaker of remedies on nodes. */
import { FLAG_PREFIX } from '../../api/names.ts'
import type { NodeState, PolicyInForce } from '../case.ts'
import { selects } from '../selector.ts'

export interface Breaker {
  /** Open: nothing more is begun. Half open: one repair at a time still goes on, or nothing would ever recover. */
  readonly state: 'Closed' | 'HalfOpen' | 'Open'
  /** In a sentence: how many are unhealthy, and how many may be. */
  readonly says: string
}

/** So many of `total`; `30%` or `2`. A share is rounded up; at least 1. */
export const nodeLimit = (limit: string, total: number): number => {
  const number = Number.parseInt(limit, 10)
  return Math.max(1, limit.endsWith('%') ? Math.ceil((number * total) / 100) : number)
}

interface Storm {
  readonly policy: PolicyInForce
  readonly nodes: readonly NodeState[]
  /** uids of nodes on which a remedy is under way. */
  readonly underRepair: readonly string[]
  /** uid of the node that is about to be repaired, which is not healthy either. */
  readonly about?: string
  /** Nodes that are flagged keep pods away. */
  readonly countFlagged?: boolean
}

const isFlagged = ({ labels }: NodeState): boolean => Object.keys(labels).some((key) => key.startsWith(FLAG_PREFIX))

/** The nodes that a policy can match are those of its nodeSelector. */
export const breakerOf = ({ policy, nodes, underRepair, about, countFlagged = false }: Storm): Breaker => {
  const { match, limits } = policy.spec
  const all = nodes.filter(({ labels }) => !match.nodeSelector || selects(match.nodeSelector, labels))
  const limit = nodeLimit(limits.maxUnhealthyNodes, all.length)
  const busy = new Set(underRepair.filter((uid) => uid !== about))
  const unhealthy = all.filter(
    (node) => !node.ready || busy.has(node.uid) || node.uid === about || (countFlagged && isFlagged(node)),
  ).length
  const says = `${unhealthy} of ${all.length} nodes are unhealthy or under repair; policy ${policy.name} lets ${limit} be so (maxUnhealthyNodes ${limits.maxUnhealthyNodes})`
  if (unhealthy <= limit) return { state: busy.size + (about === undefined ? 0 : 1) > limit ? 'Open' : 'Closed', says }
  return { state: busy.size === 0 ? 'HalfOpen' : 'Open', says }
}

const ON_NODES: ReadonlySet<string> = new Set(['RecycleSandbox', 'RestartRuntime', 'InstallMountHelper'])

/** The worst of all policies that act on nodes, as the metric has it: 0 closed, 1 half open, 2 open. */
export const breakerState = (
  policies: readonly PolicyInForce[],
  nodes: readonly NodeState[],
  underRepair: readonly string[],
): 0 | 1 | 2 => {
  const states = policies
    .filter(({ spec }) => spec.actions.some(({ type }) => ON_NODES.has(type)))
    .map((policy) => breakerOf({ policy, nodes, underRepair }).state)
  return states.includes('Open') ? 2 : states.includes('HalfOpen') ? 1 : 0
}

import { examineNode } from '../diagnose/node-trouble.ts'
import { nodeRef } from '../diagnose/owner-node.ts'
import type { Incidents } from './incidents.ts'
import { failingAreas } from './look.ts'
import type { Nodes } from './nodes.ts'

export interface LookAtNodeDeps {
  readonly nodes: Pick<Nodes, 'get'>
  readonly incidents: Pick<Incidents, 'report' | 'recovered'>
  readonly enqueue: (key: string) => void
  readonly now: () => number
}

/**
 * Files what a node says of itself, or takes it out of its incidents. Nothing is read: all that counts was watched. A
 * runtime that does not answer makes no pod's Event, so this is the only sign of it.
 */
export const createLookAtNode =
  ({ nodes, incidents, enqueue, now }: LookAtNodeDeps) =>
  (uid: string): void => {
    const node = nodes.get(uid)
    const failing = node && examineNode(node, now())
    const areas = failing ? failingAreas(failing) : []
    const keys =
      node && failing && areas.length > 0
        ? incidents.report(failing, [{ target: nodeRef(node), areas }])
        : incidents.recovered(uid)
    keys.forEach(enqueue)
  }

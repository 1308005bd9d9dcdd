/** What the agent on a node sees: ordered of it, or read from what it answered before. */
import type { NodeInspection } from '../api/node-task.ts'
import { type Fact, unknown } from './incident.ts'

export interface Sought {
  readonly name: string
  readonly uid: string
  /** Not older than that, ms since the epoch. */
  readonly since?: number
}

/** Never rejects: an agent that does not answer is unknown, and says why. */
export type Inspect = (node: Sought) => Promise<Fact<NodeInspection>>

/** Where nobody can be asked. */
export const inspectNothing: Inspect = () => Promise.resolve(unknown('no agent is asked here'))

import type { NodeInspection } from '../api/node-task.ts'
import { type Fact, unknown } from './incident.ts'

/** A node whose state is asked for. */
export interface Sought {
  readonly name: string
  readonly uid: string
  /** Not older than that, ms since the epoch. */
  readonly since?: number
  /** So old an answer will do, ms; absent: one of a few seconds. */
  readonly maxAgeMs?: number
}

/** What the agent on a node sees. Never rejects: an agent that does not answer is unknown, and says why. */
export type Inspect = (node: Sought) => Promise<Fact<NodeInspection>>

/** Where nobody can be asked. */
export const inspectNothing: Inspect = () => Promise.resolve(unknown('no agent is asked here'))

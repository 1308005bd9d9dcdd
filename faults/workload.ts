import type { Place } from './cluster.ts'
import type { StartProgram } from './controllers.ts'
import type { End } from './end.ts'
import type { Limits } from './oracles.ts'

/** An incident that is played, with the end that it has without a fault. */
export interface Workload {
  readonly name: string
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'CronJob'
  readonly limits: Limits
  /** Its record is about a node, in the operator's namespace. */
  readonly onNode?: true
  /** Further flags of the controllers. */
  readonly args?: readonly string[]
  /** Active controllers; default 1. */
  readonly controllers?: number
  /** What starts its agent, once the node is there; default: a test answers the tasks in its place. */
  readonly agent?: (place: Place) => Promise<StartProgram>
  readonly begin: (place: Place) => Promise<void>
  /** What people do meanwhile; rejections are ignored once the run is over. */
  readonly people?: (place: Place) => Promise<void>
  /** Whether the run without a fault is over. */
  readonly isOver: (end: End) => boolean
  /** Further rules that it broke, in sentences. */
  readonly judge?: (place: Place) => readonly string[]
}

export const USUAL: Limits = { cooldownMs: 600_000, maxAttempts: 3, maxPerHour: 10 }

/** Policies and nodes with it are seen only by controllers of their own run. */
export const policyLabel = (namespace: string): Record<string, string> => ({ 'faults.podmend.io/run': namespace })

/** Which flags stand on nodes, and whether what they say is over. */
import { isNodeCause, type NodeCause } from '../api/causes.ts'
import { incidentKey } from '../api/incident-id.ts'
import { MOUNT_HELPER_TYPES } from '../api/mount-helpers.ts'
import { FLAG_PREFIX } from '../api/names.ts'
import type { NodeInspection } from '../api/node-task.ts'
import type { Fact } from '../diagnose/incident.ts'
import type { NodeSighting } from '../watch/node-sighting.ts'
import type { Incidents } from './incidents.ts'

export interface Flag {
  readonly node: NodeSighting
  readonly cause: NodeCause
  /** Value of the label, e.g. `nfs`. */
  readonly detail: string
}

/** Flags by the labels of nodes; a label under the prefix that names no node's cause is not ours. */
export const flagsOn = (nodes: readonly NodeSighting[]): readonly Flag[] =>
  nodes.flatMap((node) =>
    Object.entries(node.labels).flatMap(([key, detail]): readonly Flag[] => {
      const cause = key.startsWith(FLAG_PREFIX) ? key.slice(FLAG_PREFIX.length) : ''
      return isNodeCause(cause) ? [{ node, cause, detail }] : []
    }),
  )

/** Flags by cause, for the metric. */
export const countFlags = (flags: readonly Flag[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...Map.groupBy(flags, ({ cause }) => cause)].map(([cause, { length }]) => [cause, length]))

/** Whether something still fails on the node by what it is flagged with. */
export const stillFails = ({ node, cause }: Flag, incidents: Pick<Incidents, 'get'>): boolean => {
  const open = incidents.get(incidentKey(node.uid, cause))
  return open !== undefined && (open.pods.size > 0 || open.unseen === true)
}

/** Whether an agent can see that what it says is over: a helper that is back. Everything else is over once nothing fails by it. */
export const isSeenByAgents = ({ cause, detail }: Flag): boolean =>
  cause === 'MountHelperMissing' && MOUNT_HELPER_TYPES.includes(detail)

/** Why the flag of a missing helper is over, by what the agent sees now; undefined while it is not, or cannot be seen. */
export const helperBack = ({ detail }: Flag, inspection: Fact<NodeInspection>): string | undefined => {
  const mounts = inspection.known ? inspection.value.mounts : undefined
  return mounts?.known && mounts.helpers?.includes(detail) ? `/sbin/mount.${detail} is there now` : undefined
}

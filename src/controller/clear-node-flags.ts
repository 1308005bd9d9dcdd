import type { NodeInspection } from '../api/node-task.ts'
import { nodeRef } from '../diagnose/node/facts.ts'
import type { Inspect } from '../diagnose/node/inspection.ts'
import { isNodeCause, type NodeCause } from '../model/causes.ts'
import { type Fact, incidentKey } from '../model/incident.ts'
import { MOUNT_HELPER_TYPES } from '../model/mount-helpers.ts'
import { excludes, FLAG_PREFIX } from '../model/names.ts'
import { clearFlag } from '../remedies/flag-node/act.ts'
import { flagNode } from '../remedies/flag-node/remedy.ts'
import { type ActDeps, refusalIfDisabled } from '../remedies/writes.ts'
import type { EventMessage } from '../report/events.ts'
import type { Log } from '../runtime/log.ts'
import type { NodeEntry } from '../watch/node-cache.ts'
import type { Incidents } from './incidents.ts'
import type { State } from './state.ts'

const keyOf = ({ node, cause }: Pick<Flag, 'node' | 'cause'>): string => incidentKey(nodeRef(node), cause)

export interface ClearNodeFlagsDeps {
  readonly io: ActDeps
  readonly inspect: Inspect
  readonly state: Pick<State, 'nodes' | 'incidents'>
  readonly emit: (messages: readonly EventMessage[]) => void
  readonly mayAct: () => boolean
  /** Whether the operator is paused, read before each write. */
  readonly readPaused: () => Promise<Fact<boolean>>
  readonly log: Log
}

const EVERY_MS = 15_000
/** Nodes inspected in one run; with more flagged nodes, they are inspected in rotation. */
const MAX_INSPECTIONS = 8
/** For other causes: how long nothing must fail before the flag is removed. */
const GONE_FOR_MS = 2 * 60_000

/**
 * Removes flags from nodes whose problem is over. Checks only flagged nodes: a mount helper through their agents,
 * everything else by whether the incident has been over for a while. Leaves nodes that opted out alone, and all of them if
 * the action is disabled.
 */
export const createClearNodeFlags = (deps: ClearNodeFlagsDeps) => {
  const { io, inspect, state, emit, mayAct, readPaused, log } = deps
  const { nodes, incidents } = state
  const { clock } = io
  const goneSince = new Map<string, number>()
  const inspectedAt = new Map<string, number>()
  /** Logged once, not every few seconds. */
  const refused = new Set<string>()
  let cancel: (() => void) | undefined

  const overByInspection = async (flag: Flag): Promise<string | undefined> => {
    const { name, uid } = flag.node
    inspectedAt.set(uid, clock.monotonic())
    return helperBack(flag, await inspect({ name, uid }))
  }

  const overByTime = (flag: Flag): string | undefined => {
    const key = keyOf(flag)
    if (stillFails(flag, incidents)) {
      goneSince.delete(key)
      return undefined
    }
    const since = goneSince.get(key) ?? clock.monotonic()
    goneSince.set(key, since)
    return clock.monotonic() - since >= GONE_FOR_MS ? 'nothing has failed because of it for two minutes' : undefined
  }

  const clear = async ({ node, cause, detail }: Flag, why: string): Promise<void> => {
    const paused = await readPaused()
    if (!paused.known || paused.value) return
    const message = `${why}: removed flag ${cause}=${detail}`
    const outcome = await clearFlag({ name: node.name, uid: node.uid, cause, message }, io)
    const key = keyOf({ node, cause })
    if (outcome.kind === 'Refused' && !refused.has(key)) {
      refused.add(key)
      log.warn('flag not cleared', { node: node.name, cause, why: outcome.why })
    }
    if (outcome.kind !== 'Done') return
    refused.delete(key)
    log.info('flag cleared', { node: node.name, cause, detail, why })
    emit([
      { regarding: nodeRef(node), type: 'Normal', reason: 'FlagCleared', message: `Node ${node.name}: ${message}` },
    ])
  }

  /** The nodes with the oldest inspections. */
  const turns = (flags: readonly Flag[]): readonly Flag[] =>
    flags
      .toSorted((a, b) => (inspectedAt.get(a.node.uid) ?? 0) - (inspectedAt.get(b.node.uid) ?? 0))
      .slice(0, MAX_INSPECTIONS)

  const forget = (flags: readonly Flag[]): void => {
    const uids = new Set(flags.map(({ node }) => node.uid))
    const keys = new Set(flags.map(keyOf))
    for (const uid of inspectedAt.keys()) if (!uids.has(uid)) inspectedAt.delete(uid)
    for (const key of [...goneSince.keys(), ...refused]) {
      if (keys.has(key)) continue
      goneSince.delete(key)
      refused.delete(key)
    }
  }

  const run = async (): Promise<void> => {
    if (!mayAct() || refusalIfDisabled(flagNode.type, io)) return
    const flags = flagsOn(nodes.all()).filter(({ node }) => !excludes(node))
    forget(flags)
    const helpers = turns(flags.filter(isSeenByAgents))
    const others = flags.filter((flag) => !isSeenByAgents(flag))
    for (const flag of others) {
      const why = overByTime(flag)
      if (why !== undefined) await clear(flag, why)
    }
    // Sequentially: decisions also need agents, and the number of concurrent requests is limited.
    for (const flag of helpers) {
      const why = await overByInspection(flag)
      if (why !== undefined) await clear(flag, why)
    }
  }

  const next = (): void => {
    cancel = clock.setTimeout(() => {
      run()
        .catch((err: unknown) => log.warn('clearing node flags failed', { err }))
        .finally(next)
    }, EVERY_MS)
  }
  return { start: next, stop: () => cancel?.(), run }
}

// The flags of nodes, and whether their problem is over.

export interface Flag {
  readonly node: NodeEntry
  readonly cause: NodeCause
  /** Value of the label, e.g. `nfs`. */
  readonly detail: string
}

/** Flags from the labels of nodes. Ignores labels with the prefix that do not name a node cause. */
export const flagsOn = (nodes: readonly NodeEntry[]): readonly Flag[] =>
  nodes.flatMap((node) =>
    Object.entries(node.labels).flatMap(([key, detail]): readonly Flag[] => {
      const cause = key.startsWith(FLAG_PREFIX) ? key.slice(FLAG_PREFIX.length) : ''
      return isNodeCause(cause) ? [{ node, cause, detail }] : []
    }),
  )

/** Flags by cause, for the metric. */
export const countFlags = (flags: readonly Flag[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...Map.groupBy(flags, ({ cause }) => cause)].map(([cause, { length }]) => [cause, length]))

/** Whether something still fails on the node with the cause of the flag. */
export const stillFails = ({ node, cause }: Flag, incidents: Pick<Incidents, 'get'>): boolean => {
  const open = incidents.get(keyOf({ node, cause }))
  return open !== undefined && (open.pods.size > 0 || open.unchecked === true)
}

/** Whether an agent can check that the problem is over, as with a mount helper. Other problems are over once nothing fails. */
export const isSeenByAgents = ({ cause, detail }: Flag): boolean =>
  cause === 'MountHelperMissing' && MOUNT_HELPER_TYPES.includes(detail)

/** Why the flag of a missing helper can be removed, by the current inspection; undefined while it cannot, or while that is unknown. */
export const helperBack = ({ detail }: Flag, inspection: Fact<NodeInspection>): string | undefined => {
  const mounts = inspection.known ? inspection.value.mounts : undefined
  return mounts?.known && mounts.helpers?.includes(detail) ? `/sbin/mount.${detail} is installed now` : undefined
}

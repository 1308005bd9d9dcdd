import type { Outcome } from '../act/outcome.ts'
import { incidentKey } from '../api/incident-id.ts'
import type { Clearing } from '../act/flag-node.ts'
import type { Inspect } from '../diagnose/inspect.ts'
import { nodeRef } from '../diagnose/owner-node.ts'
import type { Note } from '../report/notes.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { type Flag, flagsOn, helperBack, isSeenByAgents, stillFails } from './flags.ts'
import type { Incidents } from './incidents.ts'
import type { Nodes } from './nodes.ts'

export interface SweepFlagsDeps {
  readonly nodes: Pick<Nodes, 'all'>
  readonly incidents: Pick<Incidents, 'get'>
  readonly inspect: Inspect
  readonly clearFlag: (clearing: Clearing) => Promise<Outcome>
  readonly emit: (notes: readonly Note[]) => void
  /** Whether this process leads, and nobody stopped it. */
  readonly mayAct: () => boolean
  readonly clock: Clock
  readonly log: Log
}

const EVERY_MS = 15_000
/** Nodes that are looked at in one sweep; where more are flagged they take turns. */
const MAX_LOOKS = 8
/** Of other causes: how long nothing must fail by it before its flag goes. */
const GONE_FOR_MS = 2 * 60_000

/**
 * Takes flags away from nodes that lack nothing any more. Only flagged nodes are looked at: a mount helper by their
 * agents, everything else by its incident's being over for a while.
 */
export const createSweepFlags = (deps: SweepFlagsDeps) => {
  const { nodes, incidents, inspect, clearFlag, emit, mayAct, clock, log } = deps
  const goneSince = new Map<string, number>()
  const lookedAt = new Map<string, number>()
  /** Told once, not every few seconds. */
  const refused = new Set<string>()
  let cancel: (() => void) | undefined

  const overByLook = async (flag: Flag): Promise<string | undefined> => {
    const { name, uid } = flag.node
    lookedAt.set(uid, clock.now())
    return helperBack(flag, await inspect({ name, uid }))
  }

  const overByTime = (flag: Flag): string | undefined => {
    const key = incidentKey(flag.node.uid, flag.cause)
    if (stillFails(flag, incidents)) {
      goneSince.delete(key)
      return undefined
    }
    const since = goneSince.get(key) ?? clock.now()
    goneSince.set(key, since)
    return clock.now() - since >= GONE_FOR_MS ? 'nothing has failed by it for two minutes' : undefined
  }

  const clear = async ({ node, cause, detail }: Flag, why: string): Promise<void> => {
    const message = `${why}: the flag ${cause}=${detail} is taken away`
    const outcome = await clearFlag({ name: node.name, uid: node.uid, cause, message })
    const key = incidentKey(node.uid, cause)
    if (outcome.kind === 'Refused' && !refused.has(key)) {
      refused.add(key)
      log.warn('flag not cleared', { node: node.name, cause, why: outcome.why })
    }
    if (outcome.kind !== 'Done') return
    refused.delete(key)
    log.info('flag cleared', { node: node.name, cause, detail, says: why })
    emit([
      { regarding: nodeRef(node), type: 'Normal', reason: 'FlagCleared', message: `Node ${node.name}: ${message}` },
    ])
  }

  /** Those that were looked at longest ago. */
  const turns = (flags: readonly Flag[]): readonly Flag[] =>
    flags.toSorted((a, b) => (lookedAt.get(a.node.uid) ?? 0) - (lookedAt.get(b.node.uid) ?? 0)).slice(0, MAX_LOOKS)

  const forget = (flags: readonly Flag[]): void => {
    const uids = new Set(flags.map(({ node }) => node.uid))
    const keys = new Set(flags.map(({ node, cause }) => incidentKey(node.uid, cause)))
    for (const uid of lookedAt.keys()) if (!uids.has(uid)) lookedAt.delete(uid)
    for (const key of goneSince.keys()) if (!keys.has(key)) goneSince.delete(key)
  }

  const sweep = async (): Promise<void> => {
    if (!mayAct()) return
    const flags = flagsOn(nodes.all())
    forget(flags)
    const helpers = turns(flags.filter(isSeenByAgents))
    const others = flags.filter((flag) => !isSeenByAgents(flag))
    for (const flag of others) {
      const why = overByTime(flag)
      if (why !== undefined) await clear(flag, why)
    }
    // One after the other: those who decide ask agents as well, and only so many are asked at once.
    for (const flag of helpers) {
      const why = await overByLook(flag)
      if (why !== undefined) await clear(flag, why)
    }
  }

  const next = (): void => {
    cancel = clock.setTimeout(() => {
      sweep()
        .catch((err: unknown) => log.warn('looking after flagged nodes failed', { err }))
        .finally(next)
    }, EVERY_MS)
  }
  return { start: next, stop: () => cancel?.(), sweep }
}

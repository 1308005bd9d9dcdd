import { parseDuration } from '../api/duration.ts'
import type { Config } from '../config.ts'
import { chooseExpired, deleteRecords } from '../report/housekeeping.ts'
import type { Clock } from '../runtime/clock.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import type { Log } from '../runtime/log.ts'
import type { Board } from '../watch/board.ts'
import type { Policies } from './policies.ts'
import type { Records } from './records.ts'
import { createSweepOrders } from './sweep-orders.ts'

export interface HousekeepingDeps {
  readonly board: Pick<Board, 'prune'>
  readonly records: Pick<Records, 'all'>
  readonly policies: Pick<Policies, 'inForce'>
  readonly client: Pick<KubeClient, 'list' | 'remove'>
  readonly config: Pick<Config, 'historyLimit' | 'ttlAfterFinishedMs' | 'namespace'>
  readonly clock: Clock
  readonly leads: () => boolean
  readonly log: Log
}

const EVERY_MS = 60_000

/** Forgets what nobody asks for any more, and deletes records that nothing reads any more, now and then. */
export const createHousekeeping = ({
  board,
  records,
  policies,
  client,
  config,
  clock,
  leads,
  log,
}: HousekeepingDeps) => {
  let cancel: (() => void) | undefined
  const cooldownMs = (policy: string): number => {
    const found = policies.inForce().find(({ name }) => name === policy)
    return found ? parseDuration(found.spec.limits.cooldown) : 0
  }
  const sweepOrders = createSweepOrders({ client, records, namespace: config.namespace, now: () => clock.now() })
  const sweep = async (): Promise<void> => {
    board.prune()
    if (!leads()) return
    const keeping = { historyLimit: config.historyLimit, ttlMs: config.ttlAfterFinishedMs, cooldownMs }
    const deleted = await deleteRecords(chooseExpired(records.all(), clock.now(), keeping), client)
    if (deleted > 0) log.info('deleted finished remediations', { deleted })
    const orders = await sweepOrders()
    if (orders > 0) log.info('deleted old orders to nodes', { deleted: orders })
  }
  const next = (): void => {
    cancel = clock.setTimeout(() => {
      sweep()
        .catch((err: unknown) => log.warn('housekeeping failed', { err }))
        .finally(next)
    }, EVERY_MS)
  }
  return {
    start: next,
    stop: () => cancel?.(),
  }
}

import type { NodeTask, Remediation } from '../api/kinds.ts'
import type { Config } from '../config/config.ts'
import { type KubeClient, listAll } from '../kube/client.ts'
import { conflict, forbidden, notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { parseDuration, parseTime } from '../model/duration.ts'
import type { KubeObject, Pod } from '../model/kubernetes.ts'
import { INSTALL_LABEL } from '../model/names.ts'
import { incidentKeyOf, isUnfinished, policyRefOf } from '../model/remediation-state.ts'
import { ATTEMPTS_WINDOW_MS } from '../report/attempts.ts'
import { type Clock, createCautiousNow } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { RemediationCache } from '../watch/remediation-cache.ts'
import type { State } from './state.ts'

export interface GarbageCollectionDeps {
  readonly client: Pick<KubeClient, 'list' | 'remove'>
  readonly clock: Clock
  readonly log: Log
  readonly config: Pick<Config, 'historyLimit' | 'ttlAfterFinishedMs' | 'namespace'>
  readonly state: Pick<State, 'pods' | 'policies' | 'remediations'>
  readonly leads: () => boolean
}

const EVERY_MS = 60_000

/** Once a minute, drops pods without recent Events and deletes records and tasks that are no longer needed. */
export const createGarbageCollection = ({ client, clock, log, config, state, leads }: GarbageCollectionDeps) => {
  const { pods, policies, remediations } = state
  let cancel: (() => void) | undefined
  const now = createCautiousNow(clock)
  const cooldownMs = (policy: string): number => {
    const found = policies.inForce().find(({ name }) => name === policy)
    return found ? parseDuration(found.spec.limits.cooldown) : 0
  }
  const deleteOldTasks = createDeleteOldTasks({
    client,
    remediations,
    namespace: config.namespace,
    now,
  })
  const run = async (): Promise<void> => {
    pods.prune()
    if (!leads()) return
    const keeping = { historyLimit: config.historyLimit, ttlMs: config.ttlAfterFinishedMs, cooldownMs }
    const deleted = await deleteRecords(chooseExpired(remediations.all(), now(), keeping), client)
    if (deleted > 0) log.info('deleted finished remediations', { deleted })
    const tasks = await deleteOldTasks()
    if (tasks > 0) log.info('deleted old node tasks', { deleted: tasks })
  }
  const next = (): void => {
    cancel = clock.setTimeout(() => {
      run()
        .catch((err: unknown) => log.warn('garbage collection failed', { err }))
        .finally(next)
    }, EVERY_MS)
  }
  return { start: next, stop: () => cancel?.() }
}

// Records: the selection is pure, and the deletion is by uid.

export interface Keeping {
  /** Finished records kept in the whole cluster, whatever their policy. */
  readonly historyLimit: number
  /** How long a finished record is kept, ms; undefined: until the limit applies. */
  readonly ttlMs?: number | undefined
  /** Cooldown of a policy by name, ms; 0 if the policy is gone. */
  readonly cooldownMs: (policy: string) => number
}

/** Until when decisions may use this record: attempts count for 24 hours, or for the cooldown if that is longer. */
const readUntil = (record: Remediation, { cooldownMs }: Keeping): number => {
  const { status } = record
  const attempts = (status?.attempts ?? []).flatMap((time) => parseTime(time) ?? [])
  if (attempts.length === 0) return 0
  const last = Math.max(...attempts, parseTime(status?.finishedAt) ?? 0)
  return last + Math.max(ATTEMPTS_WINDOW_MS, cooldownMs(policyRefOf(record).name))
}

const endOf = ({ status }: Remediation): number | undefined => parseTime(status?.finishedAt)

/** Records of one incident that ended without a step, of which more say nothing new: its pods fail and recover by themselves. */
const KEPT_UNUSED = 3

const isUnused = ({ status }: Remediation): boolean =>
  status?.reason !== 'Denied' &&
  status?.reason !== 'Expired' &&
  (status?.steps ?? []).every(({ state }) => state === 'Planned')

/** Finished records that have expired, or that exceed a limit (the oldest). Pure. */
export const chooseExpired = (
  records: readonly Remediation[],
  now: number,
  keeping: Keeping,
): readonly Remediation[] => {
  const unused = new Map<string, number>()
  const isOneTooMany = (record: Remediation): boolean => {
    if (!isUnused(record)) return false
    const incident = incidentKeyOf(record) ?? ''
    const count = (unused.get(incident) ?? 0) + 1
    unused.set(incident, count)
    return count > KEPT_UNUSED
  }
  return records
    .filter((record) => endOf(record) !== undefined)
    .toSorted((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0))
    .filter((record, newer) => {
      const tooMany = isOneTooMany(record)
      if (now < readUntil(record, keeping)) return false
      const old = keeping.ttlMs !== undefined && now - (endOf(record) ?? now) >= keeping.ttlMs
      return tooMany || old || newer >= keeping.historyLimit
    })
}

/** Deletes records that have not changed since the selection. Resolves with the number deleted. */
export const deleteRecords = async (
  records: readonly Remediation[],
  client: Pick<KubeClient, 'remove'>,
): Promise<number> => {
  let deleted = 0
  for (const { metadata } of records) {
    const { namespace, name, uid, resourceVersion } = metadata
    try {
      await client.remove(pathOf({ kind: 'Remediation', namespace, name }), { preconditions: { uid, resourceVersion } })
      deleted += 1
    } catch (error) {
      if (!notFound(error) && !conflict(error)) throw new Error(`deleting Remediation ${name}`, { cause: error })
    }
  }
  return deleted
}

// Agent tasks and installer pods: the selection is pure, and the deletion is by uid.

/** An inspection is soon obsolete; what was done to a node is kept for later investigation. */
const INSPECT_LIFE_MS = 2 * 60_000
const TASK_LIFE_MS = 3_600_000
const INSTALLER_LIFE_MS = 10 * 60_000

const ageOf = ({ metadata }: KubeObject, now: number, endedAt?: string): number =>
  now - (parseTime(endedAt) ?? parseTime(metadata.creationTimestamp) ?? now)

/** Tasks that are no longer needed. `needed`: names that a remedy in progress still waits for. */
export const chooseOldTasks = (
  tasks: readonly NodeTask[],
  now: number,
  needed: ReadonlySet<string>,
): readonly NodeTask[] =>
  tasks.filter((task) => {
    if (needed.has(task.metadata.name)) return false
    const { spec, status } = task
    const life = spec.verb === 'Inspect' ? INSPECT_LIFE_MS : TASK_LIFE_MS
    // A running task ends by its deadline; its retention begins then.
    const endedAt = status?.finishedAt ?? (status?.phase === 'Running' ? spec.deadline : undefined)
    return ageOf(task, now, endedAt) >= life
  })

const endOfPod = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.map(({ state }) => state?.terminated?.finishedAt).find((at) => at !== undefined)

/** Installer pods that finished long enough ago; a running one ends by its own deadline. */
export const chooseOldInstallers = (pods: readonly Pod[], now: number, needed: ReadonlySet<string>): readonly Pod[] =>
  pods.filter((pod) => {
    const phase = pod.status?.phase
    const ended = phase === 'Succeeded' || phase === 'Failed'
    return ended && !needed.has(pod.metadata.name) && ageOf(pod, now, endOfPod(pod)) >= INSTALLER_LIFE_MS
  })

export interface DeleteOldTasksDeps {
  readonly client: Pick<KubeClient, 'list' | 'remove'>
  readonly remediations: Pick<RemediationCache, 'all'>
  /** The operator's own namespace, which holds the tasks. */
  readonly namespace: string
  readonly now: () => number
}

/** Names of tasks and installer pods that a remedy in progress still waits for. */
const neededBy = (remediations: Pick<RemediationCache, 'all'>): ReadonlySet<string> =>
  new Set(
    remediations
      .all()
      .filter(isUnfinished)
      .flatMap(({ status }) => (status?.steps ?? []).flatMap(({ node }) => node?.tasks ?? [])),
  )

/** Without node remedies, the kind or the permission is missing: then there is nothing to delete. */
const orNothing = (error: unknown): { readonly items: readonly never[] } => {
  if (forbidden(error) || notFound(error)) return { items: [] }
  throw error
}

/** Deletes old agent tasks and installer pods. Resolves with the number deleted. */
export const createDeleteOldTasks =
  ({ client, remediations, namespace, now }: DeleteOldTasksDeps) =>
  async (): Promise<number> => {
    const needed = neededBy(remediations)
    const [tasks, pods] = await Promise.all([
      listAll<NodeTask>(client, pathOf({ kind: 'NodeTask', namespace })).catch(orNothing),
      client.list<Pod>(pathOf({ kind: 'Pod', namespace }), { labelSelector: INSTALL_LABEL }).catch(orNothing),
    ])
    const old: readonly (readonly [kind: string, object: KubeObject])[] = [
      ...chooseOldTasks(tasks.items, now(), needed).map((task) => ['NodeTask', task] as const),
      ...chooseOldInstallers(pods.items, now(), needed).map((pod) => ['Pod', pod] as const),
    ]
    let deleted = 0
    for (const [kind, { metadata }] of old) {
      const { name, uid } = metadata
      try {
        await client.remove(pathOf({ kind, namespace, name }), { preconditions: { uid } })
        deleted += 1
      } catch (error) {
        if (!notFound(error) && !conflict(error)) throw new Error(`deleting ${kind} ${name}`, { cause: error })
      }
    }
    return deleted
  }

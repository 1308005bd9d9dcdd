/** The status of policies: the next status (pure), and the writer, at most once a second for each. */
import { isDeepStrictEqual } from 'node:util'
import type { Remediation, RemediationPolicy } from '../api/kinds.ts'
import { conflicts, findCircles } from '../api/policy/conflicts.ts'
import type { PolicyStatus } from '../api/policy/policy.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import type { KubeClient } from '../kube/client.ts'
import { conflict, notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { isoTime, parseTime } from '../model/duration.ts'
import { printable } from '../model/printable.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import { type Clock, createCautiousNow } from '../runtime/clock.ts'
import type { PolicyCache } from '../watch/policy-cache.ts'
import { attemptsOfRecord, mergeAttempts, prune } from './attempts.ts'
import { type StatusCondition, withCondition } from './status-fields.ts'

/** Changes of one policy's status; absent fields stay unchanged. */
export interface PolicyStatusUpdate {
  /** Validation errors; empty if the policy is in force. */
  readonly admitted?: { readonly generation: number; readonly sentences: readonly string[] }
  /** Names of policies of the same priority that match the same failures. */
  readonly conflictsWith?: readonly string[]
  readonly active?: number
  readonly held?: number
  /** Successes since the last update. */
  readonly succeeded?: number
  /** Successes that are known from records: what was not counted because a write failed or the process died. */
  readonly succeededAtLeast?: number
  /** Attempts that began: `incidentId` and ms since the epoch, exactly as on the record. */
  readonly attempts?: readonly { readonly incident: string; readonly at: number }[]
  /** Attempts that wrote nothing. */
  readonly takenBack?: readonly { readonly incident: string; readonly at: number }[]
}

/** Merges two updates. */
export const mergeUpdates = (a: PolicyStatusUpdate, b: PolicyStatusUpdate): PolicyStatusUpdate => ({
  ...a,
  ...b,
  ...((a.succeeded ?? b.succeeded) !== undefined && { succeeded: (a.succeeded ?? 0) + (b.succeeded ?? 0) }),
  ...((a.succeededAtLeast ?? b.succeededAtLeast) !== undefined && {
    succeededAtLeast: Math.max(a.succeededAtLeast ?? 0, b.succeededAtLeast ?? 0),
  }),
  ...((a.attempts ?? b.attempts) !== undefined && { attempts: [...(a.attempts ?? []), ...(b.attempts ?? [])] }),
  ...((a.takenBack ?? b.takenBack) !== undefined && { takenBack: [...(a.takenBack ?? []), ...(b.takenBack ?? [])] }),
})

type Condition = NonNullable<PolicyStatus['conditions']>[number]

const readyOf = ({ generation, sentences }: NonNullable<PolicyStatusUpdate['admitted']>) => ({
  type: 'Ready',
  status: sentences.length === 0 ? ('True' as const) : ('False' as const),
  reason: sentences.length === 0 ? 'Accepted' : 'InvalidSpec',
  message: sentences.length === 0 ? 'The policy is in force.' : `The policy is not in force: ${sentences.join('; ')}`,
  observedGeneration: generation,
})

const conflictingOf = (names: readonly string[], generation: number | undefined) => ({
  type: 'Conflicting',
  status: names.length === 0 ? ('False' as const) : ('True' as const),
  reason: names.length === 0 ? 'NoConflict' : 'OverlappingMatch',
  message:
    names.length === 0
      ? 'No other policy of the same priority matches the same failures.'
      : `${names.slice(0, 10).join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''} ` +
        `${names.length === 1 ? 'matches' : 'match'} the same failures with the same priority; ` +
        'the first by name that can repair a failure acts. Give them different priorities.',
  ...(generation !== undefined && { observedGeneration: generation }),
})

const attemptsAfter = (
  before: PolicyStatus,
  updates: PolicyStatusUpdate,
  now: number,
): NonNullable<PolicyStatus['attempts']> => {
  const gone = new Set((updates.takenBack ?? []).map(({ incident, at }) => `${incident}@${at}`))
  const present = (before.attempts ?? []).flatMap(({ incident, time }) => {
    const at = parseTime(time)
    return at === undefined ? [] : [{ policy: '', incident, at }]
  })
  const added = (updates.attempts ?? []).map((attempt) => ({ policy: '', ...attempt }))
  return prune(mergeAttempts([present, added], now), now)
    .filter(({ incident, at }) => !gone.has(`${incident}@${at}`))
    .map(({ incident, at }) => ({ incident, time: isoTime(at) }))
}

/**
 * The next status; the same object if nothing changed. `now` in ms since the epoch; `cautiousNow`, by which attempts expire,
 * is not ahead of it.
 */
export const nextPolicyStatus = (
  before: PolicyStatus,
  updates: PolicyStatusUpdate,
  now: number,
  cautiousNow = now,
): PolicyStatus => {
  const { admitted, conflictsWith, active, held, succeeded = 0, succeededAtLeast = 0 } = updates
  let conditions: Condition[] = [...(before.conditions ?? [])]
  const set = (condition: Omit<StatusCondition, 'lastTransitionTime'>): void => {
    conditions = withCondition<Condition>(conditions, condition, now)
  }
  if (admitted) set(readyOf(admitted))
  if (conflictsWith) set(conflictingOf(conflictsWith, admitted?.generation ?? before.observedGeneration))
  const attempts = attemptsAfter(before, updates, cautiousNow)
  const began = (updates.attempts ?? []).map(({ at }) => at)
  const lastAction = Math.max(...began, parseTime(before.lastActionTime) ?? Number.NEGATIVE_INFINITY)
  const after: PolicyStatus = {
    ...before,
    ...(conditions.length > 0 && { conditions }),
    ...(admitted && { observedGeneration: admitted.generation }),
    ...(active !== undefined && { active }),
    ...(held !== undefined && { held }),
    ...(succeeded + succeededAtLeast > 0 && {
      succeeded: Math.max((before.succeeded ?? 0) + succeeded, succeededAtLeast),
    }),
    ...((attempts.length > 0 || before.attempts) && { attempts }),
    ...(began.length > 0 && { lastActionTime: isoTime(lastAction) }),
  }
  return isDeepStrictEqual(after, before) ? before : after
}

/** Attempts in one status but not in the other. */
const attemptsOnlyIn = (
  record: Remediation,
  one: RemediationStatus | undefined,
  other: RemediationStatus | undefined,
) => {
  const others = new Set(other?.attempts)
  const only = (one?.attempts ?? []).filter((time) => !others.has(time))
  if (only.length === 0) return []
  return attemptsOfRecord({ ...record, status: { ...record.status, attempts: only } }).map(({ incident, at }) => ({
    incident,
    at,
  }))
}

/** The policy status update for a change of a record; undefined if there is none. Pure. */
export const updatesOf = (
  before: RemediationStatus | undefined,
  record: Remediation,
): PolicyStatusUpdate | undefined => {
  const attempts = attemptsOnlyIn(record, record.status, before)
  const takenBack = attemptsOnlyIn(record, before, record.status)
  const succeeded = record.status?.phase === 'Succeeded' && before?.phase !== 'Succeeded'
  if (attempts.length + takenBack.length === 0 && !succeeded) return undefined
  return {
    ...(attempts.length > 0 && { attempts }),
    ...(takenBack.length > 0 && { takenBack }),
    ...(succeeded && { succeeded: 1 }),
  }
}

/**
 * Validates all policies: which are in force, and which conflict. A change of one policy may affect the conflicts of all
 * others. Policies that together would rewrite an image in a loop are disabled until one of them changes.
 */
export const admissionUpdates = (
  policies: Pick<PolicyCache, 'known' | 'exclude'>,
): readonly (readonly [policy: string, update: PolicyStatusUpdate])[] => {
  const known = policies.known()
  const admitted = known.flatMap((one) => (one.admitted.ok ? [one.admitted.policy] : []))
  const circles = findCircles(admitted)
  policies.exclude(circles.flatMap((circle) => circle.policies))
  const clashes = conflicts(admitted)
  return known.map(({ object, admitted: one }) => {
    const { name, generation = 0 } = object.metadata
    const sentences = one.ok
      ? circles.filter((circle) => circle.policies.includes(name)).map(({ sentence }) => sentence)
      : one.sentences
    const others = clashes.filter((clash) => clash.policies.includes(name)).flatMap((clash) => clash.policies)
    const conflictsWith = [...new Set(others)].filter((other) => other !== name)
    return [name, { admitted: { generation, sentences }, conflictsWith }]
  })
}

export interface PolicyStatusWriterDeps {
  readonly client: Pick<KubeClient, 'get' | 'replace'>
  readonly clock: Clock
  /** The policy from the watch, which saves a read; a stale one costs a conflict and then a read. */
  readonly cached?: (name: string) => RemediationPolicy | undefined
  readonly onFailure: (error: unknown, policy: string) => void
}

export interface PolicyStatusWriter {
  readonly update: (policy: string, update: PolicyStatusUpdate) => void
  /** Flushes pending updates at shutdown. Never rejects. */
  readonly flush: () => Promise<void>
}

const PAUSE_MS = 1_000
const RETRY_MS = 5_000
const MAX_ROUNDS = 4
/** Policies that are gone are not told apart; forgetting the pause of one costs a write at most. */
const MAX_NAMES = 1_000

/** Batches updates and writes each policy at most once a second. */
export const createPolicyStatusWriter = (deps: PolicyStatusWriterDeps): PolicyStatusWriter => {
  const { client, clock, cached, onFailure } = deps
  const cautiousNow = createCautiousNow(clock)
  const pending = new Map<string, PolicyStatusUpdate>()
  const writing = new Map<string, Promise<void>>()
  const timers = new Map<string, () => void>()
  const freeAt = new Map<string, number>()

  /** Successes that a failed write would have counted. It may have had its effect all the same, so they are not added again. */
  const counted = new Map<string, number>()

  const known = (name: string, { status = {} }: RemediationPolicy): PolicyStatus => {
    const succeeded = Math.max(counted.get(name) ?? 0, status.succeeded ?? 0)
    return succeeded === (status.succeeded ?? 0) ? status : { ...status, succeeded }
  }

  /** Resolves with the error of a write whose effect is unknown. */
  const put = async (name: string, updates: PolicyStatusUpdate): Promise<unknown> => {
    for (let round = 1; ; round += 1) {
      const path = pathOf({ kind: 'RemediationPolicy', name })
      const policy = (round === 1 ? cached?.(name) : undefined) ?? (await client.get<RemediationPolicy>(path))
      const status = nextPolicyStatus(known(name, policy), updates, clock.now(), cautiousNow())
      if (status === policy.status) return undefined
      try {
        await client.replace(pathOf({ kind: 'RemediationPolicy', name, subresource: 'status' }), {
          ...policy,
          status: printable(status),
        })
        counted.delete(name)
        return undefined
      } catch (error) {
        if (conflict(error) && round < MAX_ROUNDS) continue
        if (conflict(error) || notFound(error)) throw error
        counted.set(name, status.succeeded ?? 0)
        return error
      }
    }
  }

  const write = async (name: string): Promise<void> => {
    timers.get(name)?.()
    timers.delete(name)
    const updates = pending.get(name)
    if (!updates) return
    pending.delete(name)
    setBounded(freeAt, name, clock.monotonic() + PAUSE_MS, MAX_NAMES)
    const retry = (left: PolicyStatusUpdate, error: unknown): void => {
      pending.set(name, mergeUpdates(left, pending.get(name) ?? {}))
      setBounded(freeAt, name, clock.monotonic() + RETRY_MS, MAX_NAMES)
      onFailure(error, name)
    }
    try {
      const error = await put(name, updates)
      const { succeeded: _, ...left } = updates
      if (error !== undefined) retry(left, error)
    } catch (error) {
      if (!notFound(error)) return retry(updates, error)
      freeAt.delete(name)
      counted.delete(name)
    }
  }

  const start = (name: string): void => {
    const run = write(name).finally(() => {
      writing.delete(name)
      if (pending.has(name)) schedule(name)
    })
    writing.set(name, run)
  }

  const schedule = (name: string): void => {
    if (writing.has(name) || timers.has(name)) return
    const waitMs = (freeAt.get(name) ?? 0) - clock.monotonic()
    // Delay even the first update, because one reconcile produces several.
    timers.set(
      name,
      clock.setTimeout(() => start(name), Math.max(waitMs, 50)),
    )
  }

  return {
    update: (name, update) => {
      pending.set(name, mergeUpdates(pending.get(name) ?? {}, update))
      schedule(name)
    },
    flush: async () => {
      await Promise.all(writing.values())
      for (const name of pending.keys()) if (!writing.has(name)) start(name)
      await Promise.all(writing.values())
      for (const cancel of timers.values()) cancel()
      timers.clear()
    },
  }
}

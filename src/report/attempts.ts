/**
 * The attempts of the last 24 hours. They are stored on records and in the status of policies, so that neither deleting a
 * record nor restarting the process resets a budget.
 */
import type { Remediation, RemediationPolicy } from '../api/kinds.ts'
import type { Attempt } from '../model/decision-input.ts'
import { parseTime } from '../model/duration.ts'
import { incidentId } from '../model/incident.ts'
import { areaOfRecord, policyOfStep, policyRefOf, targetOf } from '../model/remediation-state.ts'
import { type Seen, timeAsOf } from '../model/seen.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'

export const ATTEMPTS_WINDOW_MS = 24 * 3_600_000
/** Limit of the policy's status. */
export const MAX_ATTEMPTS = 1_000

const keyOf = ({ incident, at }: Attempt): string => `${incident}@${at}`

const timed = (policy: string, incident: string, time: string): readonly Attempt[] => {
  const at = parseTime(time)
  return at === undefined ? [] : [{ policy, incident, at }]
}

/** Attempts in the status of a policy. */
export const attemptsOfPolicy = ({ metadata, status }: RemediationPolicy): readonly Attempt[] =>
  (status?.attempts ?? []).flatMap(({ incident, time }) => timed(metadata.name, incident, time))

/** Attempts on a record. */
export const attemptsOfRecord = (record: Remediation): readonly Attempt[] => {
  const { status } = record
  const area = areaOfRecord(record)
  if (area === undefined) return []
  const incident = incidentId(targetOf(record), area)
  const by = (time: string): string => {
    const step = status?.steps?.find(({ intendedAt }) => intendedAt === time)
    return (step ? policyOfStep(record, step) : policyRefOf(record)).name
  }
  return (status?.attempts ?? []).flatMap((time) => timed(by(time), incident, time))
}

/** Attempts of the last 24 hours, oldest first, at most 1,000: the newest. */
export const prune = (attempts: readonly Attempt[], now: number): readonly Attempt[] =>
  attempts
    .filter(({ at }) => now - at < ATTEMPTS_WINDOW_MS)
    .toSorted((a, b) => a.at - b.at)
    .slice(-MAX_ATTEMPTS)

/** Merges lists without duplicates, oldest first; the first source takes precedence. */
export const mergeAttempts = (sources: readonly (readonly Attempt[])[], now: number): readonly Attempt[] => {
  const merged = new Map<string, Attempt>()
  for (const attempt of sources.flat()) {
    const key = keyOf(attempt)
    if (now - attempt.at < ATTEMPTS_WINDOW_MS && !merged.has(key)) merged.set(key, attempt)
  }
  return [...merged.values()].toSorted((a, b) => a.at - b.at)
}

type Times = readonly Pick<Attempt, 'incident' | 'at'>[]

export interface AttemptHistory {
  readonly sawPolicy: (policy: RemediationPolicy) => void
  readonly sawRecord: (record: Remediation) => void
  /** A record was deleted; its attempts still count. */
  readonly forgotRecord: (uid: string) => void
  /** Updates the attempts after a write of a record: adds those that began and removes those that wrote nothing. */
  readonly recorded: (policy: string, updates: { readonly attempts?: Times; readonly takenBack?: Times }) => void
  /** Attempts of the last 24 hours, oldest first, with times as of now, for decisions. */
  readonly recent: () => readonly Attempt[]
  /** The same with the times by which they are stored, which identify them. */
  readonly stored: () => readonly Attempt[]
}

/**
 * Merges the attempts of everything observed since the start; drops those older than 24 hours. Their ages advance with the
 * monotonic clock, so that a jump of the wall clock neither ends a cooldown nor prolongs it. One from the future, written
 * while a clock was ahead, counts from when it was first seen.
 */
export const createAttemptHistory = (clock: Pick<Clock, 'now' | 'monotonic'> = systemClock): AttemptHistory => {
  const attempts = new Map<string, { readonly attempt: Attempt; readonly seen: Seen }>()
  const takenBack = new Map<string, Seen>()
  const seenNow = (): Seen => ({ wall: clock.now(), monotonic: clock.monotonic() })
  /** Of each record that has any. One that is no longer on its record was taken back, by a write whose answer was lost. */
  const onRecord = new Map<string, readonly string[]>()
  const add = (attempt: Attempt): void => {
    const key = keyOf(attempt)
    // The watch may still report the previous version of the record.
    if (!attempts.has(key) && !takenBack.has(key)) attempts.set(key, { attempt, seen: seenNow() })
  }
  /** Attempts of the last 24 hours, with their times as of now. */
  const current = (): readonly { readonly attempt: Attempt; readonly at: number }[] => {
    const now = seenNow()
    for (const [key, { monotonic }] of takenBack)
      if (now.monotonic - monotonic >= ATTEMPTS_WINDOW_MS) takenBack.delete(key)
    const found: { readonly attempt: Attempt; readonly at: number }[] = []
    for (const [key, { attempt, seen }] of attempts) {
      const at = timeAsOf(attempt.at, seen, now)
      if (now.wall - at >= ATTEMPTS_WINDOW_MS) attempts.delete(key)
      else found.push({ attempt, at })
    }
    return found
  }
  return {
    sawPolicy: (policy) => attemptsOfPolicy(policy).forEach(add),
    sawRecord: (record) => {
      const { uid } = record.metadata
      const listed = attemptsOfRecord(record)
      const keys = listed.map(keyOf)
      for (const key of (onRecord.get(uid) ?? []).filter((one) => !keys.includes(one))) {
        takenBack.set(key, seenNow())
        attempts.delete(key)
      }
      if (keys.length > 0) onRecord.set(uid, keys)
      else onRecord.delete(uid)
      listed.forEach(add)
    },
    forgotRecord: (uid) => void onRecord.delete(uid),
    recorded: (policy, { attempts: begun = [], takenBack: undone = [] }) => {
      for (const { incident, at } of begun) add({ policy, incident, at })
      for (const { incident, at } of undone) {
        const key = keyOf({ policy, incident, at })
        takenBack.set(key, seenNow())
        attempts.delete(key)
      }
    },
    recent: () =>
      current()
        .map(({ attempt, at }) => (at === attempt.at ? attempt : { ...attempt, at }))
        .toSorted((a, b) => a.at - b.at),
    stored: () => current().map(({ attempt }) => attempt),
  }
}

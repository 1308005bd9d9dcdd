/**
 * Times of persisted objects, as they are after the wall clock was set. An interval is measured by the monotonic clock; a
 * wall time only says how old something was when it was first seen.
 */
import type { Remediation } from '../api/kinds.ts'
import { isoTime, parseTime } from './duration.ts'

/** When something was first seen, by both clocks, in ms. */
export interface Seen {
  readonly wall: number
  readonly monotonic: number
}

/** Clocks of different machines differ by less than this, and a smaller jump of one clock does not matter. */
export const MAX_SKEW_MS = 60_000

/**
 * A time that was `seen`, expressed by the wall clock of `now` so that its age is right. A time from the future counts as
 * the time when it was seen: the clock that wrote it was wrong.
 */
export const timeAsOf = (at: number, seen: Seen, now: Seen): number => {
  const jumped = now.wall - seen.wall - (now.monotonic - seen.monotonic)
  const known = at > seen.wall + MAX_SKEW_MS ? seen.wall : at
  return Math.abs(jumped) > MAX_SKEW_MS ? known + jumped : known
}

/** A record with times as of now, for decisions only: what is written keeps the times that it has. */
export const recordAsOf = (record: Remediation, seen: Seen, now: Seen): Remediation => {
  const { status } = record
  if (!status) return record
  let changed = false
  const asOf = (time: string | undefined): string | undefined => {
    const at = parseTime(time)
    const there = at === undefined ? undefined : timeAsOf(at, seen, now)
    if (there === undefined || there === at) return time
    changed = true
    return isoTime(there)
  }
  /** Only fields that exist. */
  const timed = <T extends object, K extends string & keyof T>(of: T, names: readonly K[]): T => ({
    ...of,
    ...Object.fromEntries(names.flatMap((name) => (of[name] === undefined ? [] : [[name, asOf(String(of[name]))]]))),
  })
  const steps = status.steps?.map((step) => timed(step, ['intendedAt', 'actedAt', 'finishedAt']))
  const aged = timed(status, ['firstSeen', 'startedAt', 'finishedAt'])
  return changed ? { ...record, status: { ...aged, ...(steps && { steps }) } } : record
}

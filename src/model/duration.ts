const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Durations in the CRDs: Go's units without fractions, as in `1h30m`. */
export const DURATION_PATTERN = '^([0-9]{1,6}(ms|s|m|h)){1,4}$'

/** Milliseconds of `90s`, `1h30m`, `500ms`. Throws on anything else. */
export const parseDuration = (text: string): number => {
  if (!new RegExp(DURATION_PATTERN).test(text)) {
    throw new Error(`"${text.slice(0, 40)}" is not a duration; expected a number with a unit, such as 30s, 5m or 1h30m`)
  }
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) total += Number(amount) * (UNITS[unit ?? ''] ?? 0)
  return total
}

/** `90000` → `1m30s`, for messages; drops fractions of a second from one minute on. */
export const formatDuration = (ms: number): string => {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`
  const seconds = Math.round(ms / 1_000)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  return [h > 0 ? `${h}h` : '', m > 0 ? `${m}m` : '', s > 0 && h === 0 ? `${s}s` : ''].join('') || '0s'
}

/** RFC 3339 text → ms since the epoch; undefined if it is missing or invalid. Reads no clock. */
export const parseTime = (text: string | undefined): number | undefined => {
  const ms = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** ms since the epoch → RFC 3339 in UTC, to the second: for sentences and status. */
export const formatTime = (ms: number): string => {
  const date = new Date(Math.trunc(ms / 1_000) * 1_000)
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().replace('.000Z', 'Z')
}

/** ms since the epoch → RFC 3339 with milliseconds, as in the API. */
export const isoTime = (ms: number): string => new Date(ms).toISOString()

/** RFC 3339 text → ms since the epoch; undefined where it is missing or no time. Reads no clock. */
export const parseTime = (text: string | undefined): number | undefined => {
  const ms = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** ms since the epoch → RFC 3339 in UTC, to the second: for sentences and status. */
export const formatTime = (ms: number): string => {
  const date = new Date(Math.trunc(ms / 1_000) * 1_000)
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().replace('.000Z', 'Z')
}

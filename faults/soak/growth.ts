/** What a process used at one moment. */
export interface Sample {
  /** Since the soak began, ms. */
  readonly at: number
  /** Resident memory, MiB. */
  readonly memoryMiB: number
  /** Connections to the API server. */
  readonly connections: number
}

/** Less time than this tells nothing about growth. */
const JUDGED_FROM_MS = 4 * 60_000
/** V8 and the allocator keep what a peak needed; a leak of one record for each incident is far more in the long run. */
const MAX_GROWTH_MIB = 20
/** The pool of 16 connections, six watches and what is being replaced. */
const MAX_CONNECTIONS = 28

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

export interface Growth {
  /** The rules that were broken, in sentences. */
  readonly complaints: readonly string[]
  /** Medians of the first and the last third, MiB; undefined where the time was too short to judge. */
  readonly memoryMiB: readonly [first: number, last: number] | undefined
}

/** Judges the samples of one process that was not restarted. Pure. */
export const judgeGrowth = (samples: readonly Sample[]): Growth => {
  const connections = Math.max(0, ...samples.map((sample) => sample.connections))
  const open = connections > MAX_CONNECTIONS ? [`${connections} connections were open at once`] : []
  const lasted = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)
  if (lasted < JUDGED_FROM_MS) return { complaints: open, memoryMiB: undefined }
  const third = Math.floor(samples.length / 3)
  const of = (part: readonly Sample[]): number => median(part.map(({ memoryMiB }) => memoryMiB))
  const [first, last] = [of(samples.slice(0, third)), of(samples.slice(-third))]
  const grown = last - first > MAX_GROWTH_MIB ? [`memory grew from ${first.toFixed(0)} to ${last.toFixed(0)} MiB`] : []
  return { complaints: [...open, ...grown], memoryMiB: [first, last] }
}

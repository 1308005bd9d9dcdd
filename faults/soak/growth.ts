/** Whether memory and connections stayed within their bounds, and what could not be judged. Pure. */

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
/** Of what is usually open: how much the pool is used at the moment of a sample is chance. */
const MAX_MORE_CONNECTIONS = 6

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

export interface Usage {
  /** Of the whole soak. */
  readonly all: readonly Sample[]
  /** Of the process that lived on: the second half. */
  readonly ofOne: readonly Sample[]
  /** What a controller may use, MiB. */
  readonly limitMiB: number
}

export interface UsageVerdict {
  /** The rules that were broken, in sentences. */
  readonly complaints: readonly string[]
  /** What was measured and its bound, and what was not judged and why, in sentences. */
  readonly lines: readonly string[]
}

/** Medians of the first and the last third. */
const thirds = (
  samples: readonly Sample[],
  of: 'memoryMiB' | 'connections',
): readonly [first: number, last: number] => {
  const third = Math.floor(samples.length / 3)
  const middle = (part: readonly Sample[]): number => median(part.map((sample) => sample[of]))
  return [middle(samples.slice(0, third)), middle(samples.slice(-third))]
}

const judgePeaks = (all: readonly Sample[], limitMiB: number): UsageVerdict => {
  if (all.length === 0) return { complaints: ['memory and connections were never measured'], lines: [] }
  const connections = Math.max(...all.map((sample) => sample.connections))
  const memory = Math.ceil(Math.max(...all.map(({ memoryMiB }) => memoryMiB)))
  return {
    complaints: [
      ...(connections > MAX_CONNECTIONS ? [`${connections} connections were open at once`] : []),
      ...(memory > limitMiB ? [`${memory} MiB of memory were used at once`] : []),
    ],
    lines: [
      `connections: at most ${connections} at once; allowed ${MAX_CONNECTIONS}`,
      `memory: at most ${memory} MiB at once; allowed ${limitMiB}, the chart's limit`,
    ],
  }
}

const judgeGrowth = (samples: readonly Sample[]): UsageVerdict => {
  const lasted = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)
  if (lasted < JUDGED_FROM_MS) {
    const minutes = (lasted / 60_000).toFixed(1)
    const line = `growth: not judged; one process lived for ${minutes} min, and 4 are needed (--minutes 9)`
    return { complaints: [], lines: [line] }
  }
  const [memory, later] = thirds(samples, 'memoryMiB').map(Math.round) as [number, number]
  const [connections, more] = thirds(samples, 'connections')
  return {
    complaints: [
      ...(later - memory > MAX_GROWTH_MIB ? [`memory grew from ${memory} to ${later} MiB`] : []),
      ...(more - connections > MAX_MORE_CONNECTIONS ? [`connections grew from ${connections} to ${more}`] : []),
    ],
    lines: [
      `growth of memory: ${memory} → ${later} MiB in one process; allowed ${MAX_GROWTH_MIB} more`,
      `growth of connections: ${connections} → ${more}; allowed ${MAX_MORE_CONNECTIONS} more`,
    ],
  }
}

export const judgeUsage = ({ all, ofOne, limitMiB }: Usage): UsageVerdict => {
  const verdicts = [judgePeaks(all, limitMiB), judgeGrowth(ofOne)]
  return {
    complaints: verdicts.flatMap(({ complaints }) => complaints),
    lines: verdicts.flatMap(({ lines }) => lines),
  }
}

/** Plays all chosen cases, some side by side. */
import type { FaultCluster, Lane } from './cluster.ts'
import { type Case, casesOf, disturbanceOf, isAlone } from './disturbances.ts'
import { play, type Played } from './play.ts'
import type { Workload } from './workload.ts'
import { WORKLOADS } from './workloads.ts'

export interface Chosen {
  readonly workloads: readonly string[]
  readonly faults: readonly string[]
  readonly at: string | undefined
  readonly seed: number
  readonly places: number
}

export type Verdict = 'passed' | 'failed' | 'not reached'

export interface Result extends Case {
  readonly verdict: Verdict
  readonly complaints: readonly string[]
  readonly tookMs: number
  readonly memoryMiB: number
  readonly log: readonly string[]
}

/** Without a fault. */
export const NO_FAULT = 'none'

/** The one line that plays it again. */
export const replayOf = ({ workload, fault, at }: Case): string =>
  fault === NO_FAULT
    ? `npm run faults -- --only ${workload} --fault crash-after --places 1`
    : `npm run faults -- --only ${workload} --fault ${fault} --at '${at}'`

/** A number from 0 to 1 for each text, the same for the same seed. */
const drawn = (seed: number, text: string): number => {
  let hash = 2_166_136_261 ^ seed
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619)
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507)
  hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

const chosenCases = (all: readonly Case[], { faults, at, seed, places }: Chosen): readonly Case[] => {
  const order = (one: Case): number => drawn(seed, `${one.workload} ${one.fault} ${one.at}`)
  const sorted = all.toSorted((a, b) => order(a) - order(b))
  const counts = new Map<string, number>()
  return sorted.filter((one) => {
    if ((faults.length > 0 && !faults.includes(one.fault)) || (at !== undefined && one.at !== at)) return false
    const count = (counts.get(one.fault) ?? 0) + 1
    counts.set(one.fault, count)
    return count <= places
  })
}

const resultOf = (one: Case, { reached, complaints, tookMs, memoryMiB, log }: Played): Result => ({
  ...one,
  verdict: complaints.length > 0 ? 'failed' : reached || one.fault === NO_FAULT ? 'passed' : 'not reached',
  complaints,
  tookMs: Math.round(tookMs),
  memoryMiB: Math.round(memoryMiB),
  log,
})

/** Runs `work` for each item, one in each lane at a time. */
const inLanes = async <T>(
  lanes: readonly Lane[],
  items: readonly T[],
  work: (item: T, lane: Lane) => Promise<void>,
): Promise<void> => {
  const left = [...items]
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next, lane)
    }),
  )
}

interface Baseline {
  readonly workload: Workload
  /** The run without a fault. */
  readonly played: Played
}

type OnResult = (result: Result) => void

const broken = (one: Case, cause: unknown): Result => ({
  ...one,
  verdict: 'failed',
  complaints: [`the run broke: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`],
  tookMs: 0,
  memoryMiB: 0,
  log: [],
})

const playBaselines = async (
  cluster: FaultCluster,
  workloads: readonly Workload[],
  onResult: OnResult,
): Promise<readonly Baseline[]> => {
  const baselines: Baseline[] = []
  await inLanes(cluster.lanes, workloads, async (workload, lane) => {
    const one: Case = { workload: workload.name, fault: NO_FAULT, at: '' }
    try {
      const played = await play(cluster, lane, workload)
      baselines.push({ workload, played })
      onResult(resultOf(one, played))
    } catch (cause) {
      onResult(broken(one, cause))
    }
  })
  return baselines
}

const playAll = async (
  cluster: FaultCluster,
  baselines: readonly Baseline[],
  cases: readonly Case[],
  onResult: OnResult,
): Promise<void> => {
  const playOne = async (one: Case, lane: Lane): Promise<void> => {
    const baseline = baselines.find(({ workload }) => workload.name === one.workload)
    if (!baseline) return
    try {
      const { workload, played } = baseline
      const disturbance = disturbanceOf(one)
      onResult(resultOf(one, await play(cluster, lane, workload, { without: played, disturbance })))
    } catch (cause) {
      onResult(broken(one, cause))
    }
  }
  const [alone, beside] = [cases.filter(isAlone), cases.filter((one) => !isAlone(one))]
  await inLanes(cluster.lanes, beside, playOne)
  await inLanes(cluster.lanes.slice(0, 1), alone, playOne)
}

/** Plays these cases, and first each of their workloads without a fault. */
export const playCases = async (cluster: FaultCluster, cases: readonly Case[], onResult: OnResult): Promise<void> => {
  const workloads = WORKLOADS.filter(({ name }) => cases.some(({ workload }) => workload === name))
  await playAll(cluster, await playBaselines(cluster, workloads, onResult), cases, onResult)
}

/** Plays every fault at every place of every workload, as far as they are chosen. */
export const sweep = async (cluster: FaultCluster, chosen: Chosen, onResult: OnResult): Promise<void> => {
  const { workloads, faults, at } = chosen
  const wanted = WORKLOADS.filter(({ name }) => workloads.length === 0 || workloads.includes(name))
  const baselines = await playBaselines(cluster, wanted, onResult)
  const cases = baselines.flatMap(({ workload, played }) => {
    const all = casesOf(workload, [...new Set(played.keys)])
    // A place that this run without a fault did not have can be asked for.
    const asked = at === undefined || all.some((one) => one.at === at) ? [] : faults
    return [...chosenCases(all, chosen), ...asked.map((fault) => ({ workload: workload.name, fault, at: at ?? '' }))]
  })
  await playAll(cluster, baselines, cases, onResult)
}

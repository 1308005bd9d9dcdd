/** The rows in their order, on one cluster and in one run. */
import { restOf } from './agents.ts'
import { atRest } from './at-rest.ts'
import type { Bench, ContenderUser } from './bench.ts'
import { classifierOf } from './classifier.ts'
import { coldStartsOf } from './cold-start.ts'
import type { Launch } from './contenders.ts'
import { costsOf } from './costs.ts'
import { halfOpenOf } from './half-open.ts'
import { heldOf } from './held.ts'
import { latencyOf } from './latency.ts'
import { withLoopDelay } from './launches.ts'
import type { Memory } from './memory.ts'
import type { Remedy } from './objects.ts'
import type { Row } from './options.ts'
import { residenceOf, startOf, syncDelayOf } from './residence.ts'
import type { Figures, P5, P8 } from './results.ts'
import type { Round } from './round.ts'
import { quantile } from './statistics.ts'
import { surgeOf } from './surge.ts'

export interface Measured {
  readonly figures: Partial<Figures>
  /** Seconds; what two rows share is in both. */
  readonly tookS: Readonly<Partial<Record<Row, number>>>
}

/** Starts of each contender, of which the median counts. */
const STARTS = 3

const costs = (remedy: Remedy, load: string, ours: readonly Round[], theirs: readonly Round[]): P5 => ({
  remedy,
  load,
  podmend: costsOf(ours, remedy),
  reference: costsOf(theirs, remedy),
})

/** In turns, so that a machine that becomes slower or faster affects all of those that are compared closely. */
const latencies = async ({ options, contenders, round, launch, against }: Bench) => {
  const rounds: Partial<Record<ContenderUser, Round[]>> = {}
  const incidents = Math.ceil(options.incidents / options.turns)
  for (let turn = 1; turn <= options.turns; turn += 1) {
    for (const user of ['bare', ...contenders] as const) {
      const isClose = user === 'bare' || user === 'podmend' || user === 'reference'
      if (!isClose && turn > 1) continue
      const found = await round(user, `p1-${turn}`, { incidents, ...(turn > 1 && { verifies: false }) })
      rounds[user] = [...(rounds[user] ?? []), found]
    }
  }
  const own = (rounds.bare ?? []).flatMap(({ lines }) => lines.filter((line) => line !== 'ready').map(Number))
  const first = (user: ContenderUser) => (rounds[user] ?? []).slice(0, 1)
  return {
    P1: {
      f: latencyOf(rounds.bare ?? []).toAnswer.p50,
      fOwnClock: quantile(own, 0.5),
      perSecond: options.perSecond,
      contenders: contenders.map((user) => ({
        name: launch(user, against(user)).name,
        latency: latencyOf(rounds[user] ?? []),
      })),
    },
    // The others end before the remediation does.
    busy: costs('RecyclePod', `${options.perSecond} per second`, first('podmend'), first('reference')),
  }
}

const lone = async ({ options, round }: Bench): Promise<readonly P5[]> => {
  const found: P5[] = []
  for (const remedy of ['RecyclePod', 'RewriteImage'] as const) {
    const settings = { remedy, incidents: options.lone, perSecond: 0.5 }
    const ours = await round('podmend', 'p5', settings)
    const theirs = await round('reference', 'p5', settings)
    found.push(costs(remedy, 'one every 2 s', [ours], [theirs]))
  }
  return found
}

const starts = async ({ options, contenders, progress, launch, against }: Bench): Promise<P8> => {
  const found = []
  for (const user of contenders) {
    const all: number[] = []
    progress(`${user}: ${STARTS} starts`)
    for (let i = 0; i < STARTS; i += 1) all.push(await startOf(launch(user, against(user))))
    found.push({ name: launch(user, against(user)).name, readyMs: quantile(all, 0.5) })
  }
  return { pods: options.healthy, contenders: found }
}

/** Each row has the machine to itself, or shares it with rows whose figures it does not change. */
export const measure = async (bench: Bench): Promise<Measured> => {
  const { cluster, options, progress, contenders, launch, against } = bench
  const figures: { -readonly [R in Row]?: Figures[R] } = {}
  const tookS: Partial<Record<Row, number>> = {}

  /** Runs it if one of its rows is wanted. */
  const of = async <T>(rows: readonly Row[], work: () => Promise<T>): Promise<T | undefined> => {
    const wanted = rows.filter((row) => options.rows.includes(row))
    if (wanted.length === 0) return undefined
    progress(`${wanted.join(', ')}:`)
    const began = performance.now()
    try {
      return await work()
    } finally {
      for (const row of wanted) tookS[row] = (tookS[row] ?? 0) + (performance.now() - began) / 1_000
    }
  }

  const idle = contenders.map((user) => launch(user, against(user)))
  /** podmend first and alone; the others, whose memory does not depend on the time that they take, side by side. */
  const residences = async (when: string): Promise<readonly Memory[]> => {
    progress(`memory ${when}`)
    const memory = (it: Launch) => residenceOf(it, options.stabilizationMs)
    const found: Memory[] = []
    for (const it of idle.slice(0, 1)) found.push(await memory(it))
    return [...found, ...(await Promise.all(idle.slice(1).map(memory)))]
  }

  const classifier = await of(['P11'], async () => classifierOf())
  // Before the others: a cluster with their objects has more background work.
  const p10 = await of(['P10'], () =>
    restOf(cluster, { count: options.agents, stabilizationMs: options.stabilizationMs, restMs: options.agentsRestMs }),
  )
  if (p10) figures.P10 = p10
  const empty = await of(['P3'], () => residences('without pods'))

  // The node agents are measured without them.
  if (options.rows.some((row) => row !== 'P10')) await cluster.makeHealthy(options.healthy, progress)
  const p8 = await of(['P8'], () => starts(bench))
  if (p8) figures.P8 = p8
  const sync = await of(['P11'], async () => [
    { name: 'podmend', ...(await syncDelayOf(withLoopDelay(launch('podmend', against('podmend'))))) },
    { name: 'makeInformer', ...(await syncDelayOf(withLoopDelay(launch('reference', against('reference'))))) },
  ])
  if (classifier && sync) figures.P11 = { ...classifier, pods: options.healthy, sync }
  const resting = await of(['P7', 'P9', 'P12'], () => atRest(bench))
  const timed = await of(['P1'], () => latencies(bench))
  const p5 = await of(['P5'], () => lone(bench))
  const surge = await of(['P2', 'P6'], () => surgeOf(bench))
  const p13 = await of(['P13'], () => halfOpenOf(bench))
  const p15 = await of(['P15'], () => heldOf(bench))
  if (options.rows.some((row) => row === 'P3' || row === 'P4')) await cluster.makeHealthy(options.many, progress)
  const full = await of(['P3'], () => residences(`beside ${options.many} healthy pods`))
  const p4 = await of(['P4'], () => coldStartsOf(bench))

  const p3 = idle.flatMap(({ name }, i) => {
    const [before, after] = [empty?.[i], full?.[i]]
    return before && after ? [{ name, empty: before, full: after }] : []
  })
  return {
    figures: {
      ...figures,
      ...(timed && { P1: timed.P1 }),
      ...(p5 && { P5: [...p5, ...(timed ? [timed.busy] : [])] }),
      ...(surge && { P2: surge.p2, P6: surge.p6 }),
      ...(resting && { P7: resting.p7, P9: resting.p9, P12: resting.p12 }),
      ...(p13 && { P13: p13 }),
      ...(p15 && { P15: p15 }),
      ...(full && { P3: { pods: options.many, contenders: p3 } }),
      ...(p4 && { P4: p4 }),
    },
    tookS,
  }
}

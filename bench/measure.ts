/** The rows in their order, on one cluster and in one run. */
import { describeError } from '../src/runtime/log.ts'
import { restOf } from './agents.ts'
import { atRest } from './at-rest.ts'
import { type Bench, type ContenderUser, eachContender, inTurn, orLeftOut } from './bench.ts'
import { classifierOf } from './classifier.ts'
import { coldStartsOf } from './cold-start.ts'
import { costsOf } from './costs.ts'
import { halfOpenOf } from './half-open.ts'
import { heldOf } from './held.ts'
import { latencyOf } from './latency.ts'
import { withLoopDelay } from './launches.ts'
import type { Remedy } from './objects.ts'
import type { Row } from './options.ts'
import { residenceOf, startOf, syncDelayOf } from './residence.ts'
import type { Figures, P5, P8 } from './results.ts'
import type { Round } from './round.ts'
import { quantile } from './statistics.ts'
import { surgeOf } from './surge.ts'

/** Called with each row as soon as it is measured. */
export type OnRow = <R extends Row>(row: R, figures: Figures[R], tookS: number) => void

/** Starts of each contender, of which the median counts. */
const STARTS = 3

const costs = (remedy: Remedy, load: string, ours: readonly Round[], theirs: readonly Round[]): P5 => ({
  remedy,
  load,
  podmend: costsOf(ours, remedy),
  reference: costsOf(theirs, remedy),
})

/** In turns, so that a machine that becomes slower or faster affects all of those that are compared closely. */
const latencies = async (bench: Bench) => {
  const { options, contenders, round, launch, against } = bench
  const rounds: Partial<Record<ContenderUser, Round[]>> = {}
  const incidents = Math.ceil(options.incidents / options.turns)
  for (let turn = 1; turn <= options.turns; turn += 1) {
    for (const user of ['bare', ...contenders] as const) {
      const isClose = user === 'bare' || user === 'podmend' || user === 'reference'
      if (!isClose && turn > 1) continue
      const found = await orLeftOut(bench, user, () =>
        round(user, `p1-${turn}`, { incidents, ...(turn > 1 && { verifies: false }) }),
      )
      if (found) rounds[user] = [...(rounds[user] ?? []), found]
    }
  }
  const own = (rounds.bare ?? []).flatMap(({ lines }) => lines.filter((line) => line !== 'ready').map(Number))
  const first = (user: ContenderUser) => (rounds[user] ?? []).slice(0, 1)
  return {
    P1: {
      f: latencyOf(rounds.bare ?? []).toAnswer.p50,
      fOwnClock: quantile(own, 0.5),
      perSecond: options.perSecond,
      contenders: contenders.flatMap((user) => {
        const all = rounds[user]
        return all ? [{ name: launch(user, against(user)).name, latency: latencyOf(all) }] : []
      }),
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

const starts = async (bench: Bench): Promise<P8> => {
  const { options, launch, against } = bench
  const found = await inTurn(bench, async (user) => {
    const all: number[] = []
    for (let i = 0; i < STARTS; i += 1) all.push(await startOf(launch(user, against(user))))
    return { name: launch(user, against(user)).name, readyMs: quantile(all, 0.5) }
  })
  return { pods: options.healthy, contenders: found }
}

/**
 * Each row has the machine to itself, or shares it with rows whose figures it does not change. Resolves with the errors of
 * the rows that could not be measured.
 */
export const measure = async (bench: Bench, onRow: OnRow): Promise<readonly unknown[]> => {
  const { cluster, options, progress, contenders, launch, against } = bench
  const tookS: Partial<Record<Row, number>> = {}
  const errors: unknown[] = []
  const wants = (...rows: readonly Row[]): boolean => rows.some((row) => options.rows.includes(row))

  /** Runs it if one of its rows is wanted; what two rows share counts for both. */
  const of = async <T>(rows: readonly Row[], work: () => Promise<T>): Promise<T | undefined> => {
    if (!wants(...rows)) return undefined
    progress(`${rows.join(', ')}:`)
    const began = performance.now()
    return work()
      .catch((error: unknown) => {
        // The other rows are measured all the same.
        errors.push(new Error(`measuring ${rows.join(', ')}`, { cause: error }))
        progress(`${rows.join(', ')} failed: ${describeError(error)}`)
        return undefined
      })
      .finally(() => {
        for (const row of rows) tookS[row] = (tookS[row] ?? 0) + (performance.now() - began) / 1_000
      })
  }
  const put = <R extends Row>(row: R, figures: Figures[R] | undefined): void => {
    if (figures && wants(row)) onRow(row, figures, tookS[row] ?? 0)
  }

  const residences = async (when: string) => {
    progress(`memory ${when}`)
    return eachContender(bench, (user) => residenceOf(launch(user, against(user)), options.stabilizationMs))
  }

  const classifier = await of(['P11'], async () => classifierOf())
  // Before the others: a cluster with their objects has more background work.
  const { agents: count, stabilizationMs, agentsRestMs: restMs } = options
  put('P10', await of(['P10'], () => restOf(cluster, { count, stabilizationMs, restMs })))
  const empty = await of(['P3'], () => residences('without pods'))

  // The node agents are measured without them.
  if (options.rows.some((row) => row !== 'P10')) await cluster.makeHealthy(options.healthy, progress)
  put('P8', await of(['P8'], () => starts(bench)))
  const sync = await of(['P11'], async () => [
    { name: 'podmend', ...(await syncDelayOf(withLoopDelay(launch('podmend', against('podmend'))))) },
    { name: 'makeInformer', ...(await syncDelayOf(withLoopDelay(launch('reference', against('reference'))))) },
  ])
  if (classifier && sync) put('P11', { ...classifier, pods: options.healthy, sync })
  const resting = await of(['P7', 'P9', 'P12'], () => atRest(bench))
  put('P7', resting?.p7)
  put('P9', resting?.p9)
  put('P12', resting?.p12)
  const timed = await of(['P1'], () => latencies(bench))
  put('P1', timed?.P1)
  const p5 = await of(['P5'], () => lone(bench))
  put('P5', p5 && [...p5, ...(timed ? [timed.busy] : [])])
  const surge = await of(['P2', 'P6'], () => surgeOf(bench))
  put('P2', surge?.p2)
  put('P6', surge?.p6)
  put('P13', await of(['P13'], () => halfOpenOf(bench)))
  put('P15', await of(['P15'], () => heldOf(bench)))
  if (wants('P3', 'P4')) await cluster.makeHealthy(options.many, progress)
  const full = await of(['P3'], () => residences(`beside ${options.many} healthy pods`))
  const both = contenders.flatMap((user) => {
    const [before, after] = [empty?.[user], full?.[user]]
    return before && after ? [{ name: launch(user, against(user)).name, empty: before, full: after }] : []
  })
  if (empty && full) put('P3', { pods: options.many, contenders: both })
  put('P4', await of(['P4'], () => coldStartsOf(bench)))
  return errors
}

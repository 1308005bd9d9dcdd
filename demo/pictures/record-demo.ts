/** The demo, run with a Prometheus that scrapes the controller. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../testbed/eventually.ts'
import { startPrometheus } from '../../testbed/prometheus/prometheus.ts'
import { startDemoCluster } from '../cluster.ts'
import { runDemoSteps } from '../driver.ts'
import { createTimeline } from '../timeline.ts'
import { AFTERWARDS, type Line } from './time-line.ts'

export interface RecordedDemo {
  readonly lines: readonly Line[]
  /** By query: name, and value by seconds from the first failure. Each value holds until the next. */
  readonly series: readonly (readonly Answered[])[]
}

export interface Answered {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

export interface Wanted {
  readonly expr: string
  /** The label that names a series. */
  readonly by: string
}

const STEP = 1

/** A series without a sample at the next step has ended: Prometheus returns nothing for it. */
const withEnds = (points: readonly (readonly [number, number])[]): (readonly [number, number])[] =>
  points.flatMap((point, i) => {
    const [at] = point
    const next = points[i + 1]?.[0]
    return next !== undefined && next - at < STEP * 1.5 ? [point] : [point, [at + STEP, 0] as const]
  })

/** Throws if the demo does not end as expected. */
export const recordDemo = async (wanted: readonly Wanted[]): Promise<RecordedDemo> => {
  const closers: (() => unknown)[] = []
  const onClose = (close: () => unknown): void => void closers.push(close)
  const written: string[] = []
  const timeline = createTimeline({ json: true, colour: false, out: { write: (text) => written.push(text) } })
  try {
    const cluster = await startDemoCluster(timeline, onClose)
    const prometheus = await startPrometheus({ scrape: { podmend: [cluster.controller.port] } })
    onClose(prometheus.down)
    // The first scrape comes after some seconds.
    await eventually(async () => {
      if ((await prometheus.query('podmend_build_info')).length === 0) throw new Error('nothing has been scraped yet')
    })
    const began = Date.now()
    const { problems } = await runDemoSteps(cluster, timeline, onClose)
    if (problems.length > 0) throw new Error(`running the demo: ${problems.join('; ')}`)
    await sleep(AFTERWARDS * 1_000)
    const range = { seconds: Math.ceil((Date.now() - began) / 1_000), step: STEP }
    const series = await Promise.all(
      wanted.map(async ({ expr, by }) => {
        const samples = await prometheus.queryRange(expr, range)
        return samples
          .map(({ metric, values = [] }) => ({
            name: metric[by] ?? '',
            points: withEnds(values.map(([at, value]) => [timeline.secondsAt(at * 1_000), Number(value)] as const)),
          }))
          .filter(({ points }) => points.some(([, value]) => value > 0))
          .toSorted((a, b) => a.name.localeCompare(b.name))
      }),
    )
    return { lines: written.map((line) => JSON.parse(line) as Line), series }
  } finally {
    for (let close = closers.pop(); close; close = closers.pop()) await close()
    timeline.close()
  }
}

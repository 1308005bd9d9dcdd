/** The workqueue_* metrics with the names and meanings of client-go, so that existing dashboards work. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** State of a work queue at a scrape; `Workqueue.metrics()` has this shape. */
export interface QueueNumbers {
  readonly depth: number
  readonly adds: number
  readonly retries: number
  readonly unfinishedMs: number
  readonly longestRunningMs: number
}

const BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10]

/** Registers the metrics; the returned functions take milliseconds. */
export const queueMetrics = (registry: Registry, queues: () => Readonly<Record<string, QueueNumbers>>) => {
  const registers = [registry]
  const labelNames = ['name'] as const

  const gauge = (name: string, help: string, valueOf: (numbers: QueueNumbers) => number): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const [queue, numbers] of Object.entries(queues())) this.set({ name: queue }, valueOf(numbers))
      },
    })
  }
  // The queue itself counts; the counter is set to its total at each scrape.
  const counter = (name: string, help: string, valueOf: (numbers: QueueNumbers) => number): void => {
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [queue, numbers] of Object.entries(queues())) this.inc({ name: queue }, valueOf(numbers))
      },
    })
  }
  gauge('workqueue_depth', 'Keys that are due and waiting.', ({ depth }) => depth)
  gauge('workqueue_unfinished_work_seconds', 'Seconds of work in progress.', ({ unfinishedMs }) => unfinishedMs / 1_000)
  gauge(
    'workqueue_longest_running_processor_seconds',
    'Seconds that the longest run in progress has taken.',
    ({ longestRunningMs }) => longestRunningMs / 1_000,
  )
  counter('workqueue_adds_total', 'Keys added.', ({ adds }) => adds)
  counter('workqueue_retries_total', 'Keys run again after a failure.', ({ retries }) => retries)
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a key waited between being due and being run.',
    labelNames,
    buckets: BUCKETS,
    registers,
  })
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long a run took.',
    labelNames,
    buckets: BUCKETS,
    registers,
  })
  return {
    waited: (name: string, ms: number) => waited.observe({ name }, ms / 1_000),
    worked: (name: string, ms: number) => worked.observe({ name }, ms / 1_000),
  }
}

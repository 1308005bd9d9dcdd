/** The whole demo: starts the cluster, runs the steps, shows the report, and cleans up. */
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '../src/runtime/log.ts'
import { CONTROLLER_LOG, type DemoCluster, type OnClose, startDemoCluster } from './cluster.ts'
import { type DemoResult, runDemoSteps } from './driver.ts'
import { showKeptCluster, showReport } from './report.ts'
import { createTimeline, type Timeline, type TimelineOptions } from './timeline.ts'

export interface DemoOptions extends Pick<TimelineOptions, 'json' | 'out' | 'colour'> {
  /** Keeps everything running until the signal. */
  readonly keep: boolean
  /** Ends the demo at any time. */
  readonly signal: AbortSignal
}

/**
 * Functions that clean up, called in reverse order; if one throws, the others still run. A function that is registered after
 * that runs at once, and its caller gets an error.
 */
const closing = (): { onClose: OnClose; closeAll: () => Promise<void> } => {
  const closers: (() => unknown)[] = []
  let isOver = false
  const end = async (close: () => unknown): Promise<void> => {
    try {
      await close()
    } catch {
      // A process that cannot be ended ends itself when its parent, this process, is gone.
    }
  }
  return {
    onClose: (close) => {
      if (!isOver) return void closers.push(close)
      void end(close)
      throw new Error('the demo is over')
    },
    closeAll: async () => {
      isOver = true
      for (let close = closers.pop(); close; close = closers.pop()) await end(close)
    },
  }
}

/** Copies the logs of a failed demo to a directory that is kept, and returns its path. */
const keepLogs = async (cluster: DemoCluster): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'podmend-demo-failed.'))
  const files = [
    join(cluster.directory, CONTROLLER_LOG),
    ...['audit.jsonl', 'kube-apiserver.log', 'kube-controller-manager.log'].map((name) =>
      join(cluster.plane.directory, name),
    ),
  ]
  for (const [i, file] of files.entries()) {
    const name = i === 0 ? CONTROLLER_LOG : file.slice(cluster.plane.directory.length + 1)
    if (existsSync(file)) copyFileSync(file, join(folder, name))
  }
  const objects = await cluster
    .kubectl(['get', 'rem,rempol,deploy,rs,pods,events', '-A', '-o', 'yaml'])
    .catch((cause: unknown) => describeError(cause))
  writeFileSync(join(folder, 'objects.yaml'), objects)
  return folder
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Fails if the controller exits by itself: there is nothing left to wait for. */
const whileRunning = async <T>({ controller }: DemoCluster, steps: Promise<T>): Promise<T> => {
  const ended = controller.exited.then(({ code, signal }): never => {
    throw new Error(`the controller exited unexpectedly (${signal ?? code})`)
  })
  ended.catch(() => {})
  return Promise.race([steps, ended])
}

const runAndReport = async (
  timeline: Timeline,
  options: DemoOptions,
  { onClose, onCluster }: { onClose: OnClose; onCluster: (cluster: DemoCluster) => void },
): Promise<DemoResult> => {
  const cluster = await startDemoCluster(timeline, onClose)
  onCluster(cluster)
  const result = await whileRunning(cluster, runDemoSteps(cluster, timeline, onClose))
  await showReport(cluster, result, timeline, options.colour && !options.json)
  return result
}

/**
 * Runs the demo; true only if the incident is repaired and verified and nothing else was changed. Throws if the cluster cannot
 * start, e.g. without Go.
 */
export const runDemo = async (options: DemoOptions): Promise<boolean> => {
  const { signal, keep } = options
  const timeline = createTimeline(options)
  const { onClose, closeAll } = closing()
  const interrupted = aborted(signal).then(() => undefined)
  let cluster: DemoCluster | undefined
  try {
    const running = runAndReport(timeline, options, { onClose, onCluster: (started) => (cluster = started) })
    running.catch(() => {})
    const result = await Promise.race([running, interrupted])
    if (!result) {
      timeline.say({ who: 'demo', what: 'Interrupted', text: 'interrupted; stopping everything' })
      return false
    }
    const ok = result.problems.length === 0
    if (!ok && cluster) timeline.say({ who: 'demo', what: 'Logs', text: `the logs are in ${await keepLogs(cluster)}` })
    if (keep && cluster) {
      showKeptCluster(cluster, result, timeline)
      const alive = setInterval(() => {}, 60_000)
      await interrupted
      clearInterval(alive)
    }
    return ok
  } catch (cause) {
    if (signal.aborted) return false
    if (!cluster) throw new Error('starting the demo cluster', { cause })
    timeline.waitFor(undefined)
    timeline.say({ who: 'demo', what: 'Failed', text: describeError(cause), mood: 'bad' })
    timeline.say({ who: 'demo', what: 'Logs', text: `the logs are in ${await keepLogs(cluster)}` })
    return false
  } finally {
    timeline.waitFor(undefined)
    await closeAll()
    timeline.close()
  }
}

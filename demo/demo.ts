/** The demo from the first process to the last: stage, story, report, and nothing left behind. */
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '../src/runtime/log.ts'
import { CONTROLLER_LOG, type OnClose, startDemoCluster, type DemoCluster } from './cluster.ts'
import { runDemoSteps, type DemoResult } from './driver.ts'
import { showKeptCluster, showReport } from './report.ts'
import { createTimeline, type Timeline, type TimelineOptions } from './timeline.ts'

export interface DemoOptions extends Pick<TimelineOptions, 'json' | 'out' | 'colour'> {
  /** Goes on running until the signal. */
  readonly keep: boolean
  /** Ends it at any moment. */
  readonly signal: AbortSignal
}

/**
 * Things to end, the last one first; whatever one of them throws, the others are ended too. What comes after that is
 * ended at once, and whoever brings it is told.
 */
const closing = (): { onClose: OnClose; closeAll: () => Promise<void> } => {
  const closers: (() => unknown)[] = []
  let isOver = false
  const end = async (close: () => unknown): Promise<void> => {
    try {
      await close()
    } catch {
      // What cannot be ended is ended by its own watch on its parent, when this process is gone.
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

/** Copies what explains a failure to a folder that stays, and gives its path. */
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

/** The controller must not end by itself: then there is nothing left to wait for. */
const whileRunning = async <T>({ controller }: DemoCluster, story: Promise<T>): Promise<T> => {
  const ended = controller.exited.then(({ code, signal }): never => {
    throw new Error(`the controller ended by itself (${signal ?? code})`)
  })
  ended.catch(() => {})
  return Promise.race([story, ended])
}

const play = async (
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
 * Plays the demo; true only if the incident is repaired and verified and nothing else was touched. Throws where there is
 * nothing to play on, e.g. without Go.
 */
export const runDemo = async (options: DemoOptions): Promise<boolean> => {
  const { signal, keep } = options
  const timeline = createTimeline(options)
  const { onClose, closeAll } = closing()
  const interrupted = aborted(signal).then(() => undefined)
  let cluster: DemoCluster | undefined
  try {
    const story = play(timeline, options, { onClose, onCluster: (raised) => (cluster = raised) })
    story.catch(() => {})
    const result = await Promise.race([story, interrupted])
    if (!result) {
      timeline.say({ who: 'demo', what: 'Interrupted', text: 'interrupted; ending all of it' })
      return false
    }
    const ok = result.objections.length === 0
    if (!ok && cluster) timeline.say({ who: 'demo', what: 'Logs', text: `logs are in ${await keepLogs(cluster)}` })
    if (keep && cluster) {
      showKeptCluster(cluster, result, timeline)
      const alive = setInterval(() => {}, 60_000)
      await interrupted
      clearInterval(alive)
    }
    return ok
  } catch (cause) {
    if (signal.aborted) return false
    if (!cluster) throw new Error('setting the stage', { cause })
    timeline.waitFor(undefined)
    timeline.say({ who: 'demo', what: 'Failed', text: describeError(cause), mood: 'bad' })
    timeline.say({ who: 'demo', what: 'Logs', text: `logs are in ${await keepLogs(cluster)}` })
    return false
  } finally {
    timeline.waitFor(undefined)
    await closeAll()
    timeline.close()
  }
}

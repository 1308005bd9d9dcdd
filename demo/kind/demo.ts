/** The demo on real nodes: four incidents, one after another, on one time line. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Environment, startEnvironment } from '../../e2e/environment.ts'
import { makeFixture } from '../../e2e/fixture.ts'
import { describeError } from '../../src/runtime/log.ts'
import { withDocker } from '../../testbed/machine/docker.ts'
import { createTimeline, type Timeline, type TimelineOptions } from '../timeline.ts'
import { DEMO_INCIDENTS, type DemoIncident } from './incidents.ts'
import { startObserver } from './observer.ts'

export interface KindDemoOptions extends Pick<TimelineOptions, 'json' | 'out' | 'colour'> {
  /** Keeps everything running until the signal. */
  readonly keep: boolean
  readonly signal: AbortSignal
  /** The name of an existing kind cluster. */
  readonly existing?: string
}

const runIncident = async (
  environment: Environment,
  incident: DemoIncident,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<boolean> => {
  const say = (text: string): void => timeline.say({ who: 'demo', what: 'Demo', text })
  timeline.print('')
  say(incident.title)
  const { fixture, close } = await makeFixture(environment, { ...incident, run: async () => {} }, { signal, say })
  const { stop } = startObserver(fixture, timeline.say)
  try {
    timeline.waitFor(incident.title)
    const text = await incident.runSteps(fixture, timeline.say)
    await stop()
    timeline.say({ who: 'demo', what: 'Repaired', text, mood: 'good' })
    return true
  } catch (error) {
    await stop()
    if (!signal.aborted) timeline.say({ who: 'demo', what: 'Failed', text: describeError(error), mood: 'bad' })
    return false
  } finally {
    timeline.waitFor(undefined)
    await close({ remove: true }).catch((error: unknown) => say(describeError(error)))
  }
}

const aborted = async (signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) await sleep(200)
}

/** Runs the incidents on a cluster of real nodes; true only if each ended as expected. Throws if the cluster cannot start. */
export const runKindDemo = async (options: KindDemoOptions): Promise<boolean> => {
  const { signal, keep, existing } = options
  const timeline = createTimeline(options)
  const say = (text: string): void => timeline.say({ who: 'demo', what: 'Cluster', text })
  signal.addEventListener('abort', () => say('interrupted; stopping everything'))
  try {
    return await withDocker(async (dockerHost) => {
      say('starting a cluster of three nodes and registries, and installing the chart; takes some minutes')
      const environment = await startEnvironment({
        dockerHost,
        say,
        signal,
        ...(existing !== undefined && { existing }),
      })
      try {
        timeline.failureBegan()
        let ok = true
        for (const incident of DEMO_INCIDENTS)
          ok = !signal.aborted && (await runIncident(environment, incident, timeline, signal)) && ok
        if (signal.aborted) return false
        timeline.print('')
        const text = ok ? 'all four incidents were repaired or explained' : 'the demo did not end as expected'
        timeline.say({ who: 'demo', what: 'Result', text, mood: ok ? 'good' : 'bad', data: { ok } })
        if (keep) {
          say(
            `kept until Ctrl-C: export KUBECONFIG=${environment.cluster.kubeconfig}; kubectl is ${environment.cluster.kubectlPath}`,
          )
          await aborted(signal)
        }
        return ok
      } finally {
        await environment.down()
      }
    })
  } finally {
    timeline.close()
  }
}

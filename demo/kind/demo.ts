/** The demo on real nodes: four incidents, one after the other, on one time line. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Environment, startEnvironment } from '../../e2e/environment.ts'
import { makeFixture } from '../../e2e/fixture.ts'
import { describeError } from '../../src/runtime/log.ts'
import { withDocker } from '../../testbed/machine/docker.ts'
import { createTimeline, type Timeline, type TimelineOptions } from '../timeline.ts'
import { type DemoIncident, DEMO_INCIDENTS } from './incidents.ts'
import { startObserver } from './observer.ts'

export interface KindDemoOptions extends Pick<TimelineOptions, 'json' | 'out' | 'colour'> {
  /** Goes on running until the signal. */
  readonly keep: boolean
  readonly signal: AbortSignal
  /** The name of a cluster of kind that is there already. */
  readonly existing?: string
}

const runIncident = async (
  environment: Environment,
  act: DemoIncident,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<boolean> => {
  const say = (text: string): void => timeline.say({ who: 'demo', what: 'Demo', text })
  timeline.print('')
  say(act.title)
  const { fixture, close } = await makeFixture(environment, { ...act, run: async () => {} }, { signal, say })
  const { stop } = startObserver(fixture, timeline.say)
  try {
    timeline.waitFor(act.title)
    const came = await act.play(fixture, timeline.say)
    await stop()
    timeline.say({ who: 'demo', what: 'Repaired', text: came, mood: 'good' })
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

/** Plays the incidents on a cluster of real nodes; true only if each ended as it must. Throws where there is no bed to play on. */
export const runKindDemo = async (options: KindDemoOptions): Promise<boolean> => {
  const { signal, keep, existing } = options
  const timeline = createTimeline(options)
  const say = (text: string): void => timeline.say({ who: 'demo', what: 'Stage', text })
  signal.addEventListener('abort', () => say('interrupted; ending all of it'))
  try {
    return await withDocker(async (dockerHost) => {
      say('starting a cluster of three nodes, registries, and the operator by its chart; some minutes')
      const environment = await startEnvironment({
        dockerHost,
        say,
        signal,
        ...(existing !== undefined && { existing }),
      })
      try {
        timeline.failureBegan()
        let ok = true
        for (const act of DEMO_INCIDENTS)
          ok = !signal.aborted && (await runIncident(environment, act, timeline, signal)) && ok
        if (signal.aborted) return false
        timeline.print('')
        const text = ok ? 'all four were repaired, or explained and cleared' : 'it did not end as it must'
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

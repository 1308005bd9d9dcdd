/** The demo on real nodes: four incidents, one after the other, on one time line. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError } from '../src/runtime/log.ts'
import { createTimeline, type Timeline, type TimelineOptions } from '../testbed/demo/timeline.ts'
import { withDocker } from '../testbed/machine/docker.ts'
import { type Bed, raiseBed } from './bed.ts'
import { type Act, ACTS } from './demo-acts.ts'
import { follow } from './follow.ts'
import { raiseStage } from './stage.ts'

export interface KindDemoOptions extends Pick<TimelineOptions, 'json' | 'out' | 'colour'> {
  /** Goes on running until the signal. */
  readonly keep: boolean
  readonly signal: AbortSignal
  /** The name of a cluster of kind that is there already. */
  readonly existing?: string
}

const playAct = async (bed: Bed, act: Act, timeline: Timeline, signal: AbortSignal): Promise<boolean> => {
  const say = (text: string): void => timeline.say({ who: 'demo', what: 'Demo', text })
  timeline.print('')
  say(act.title)
  const { stage, close } = await raiseStage(bed, { ...act, run: async () => {} }, { signal, say })
  const { stop } = follow(stage, timeline.say)
  try {
    timeline.waitFor(act.title)
    const came = await act.play(stage, timeline.say)
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
      const bed = await raiseBed({ dockerHost, say, signal, ...(existing !== undefined && { existing }) })
      try {
        timeline.failureBegan()
        let ok = true
        for (const act of ACTS) ok = !signal.aborted && (await playAct(bed, act, timeline, signal)) && ok
        if (signal.aborted) return false
        timeline.print('')
        const text = ok ? 'all four were repaired, or explained and cleared' : 'it did not end as it must'
        timeline.say({ who: 'demo', what: 'Result', text, mood: ok ? 'good' : 'bad', data: { ok } })
        if (keep) {
          say(`kept until Ctrl-C: export KUBECONFIG=${bed.cluster.kubeconfig}; kubectl is ${bed.cluster.kubectlPath}`)
          await aborted(signal)
        }
        return ok
      } finally {
        await bed.down()
      }
    })
  } finally {
    timeline.close()
  }
}

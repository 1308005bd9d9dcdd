/** P3: what a process holds when it has nothing to do; P11: how busy it is until then. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Launch, type LoopDelay, startContender } from './contenders.ts'
import { type Memory, memoryOf } from './memory.ts'
import { quantile } from './statistics.ts'

const READINGS = 5

/** Starts it, leaves it alone, reads its memory some times over two seconds: the median. */
export const residenceOf = async (launch: Launch, stabilizationMs: number): Promise<Memory> => {
  const contender = await startContender(launch)
  try {
    await sleep(stabilizationMs)
    const readings: Memory[] = []
    for (let i = 0; i < READINGS; i += 1) {
      readings.push(await memoryOf(contender.pid))
      await sleep(400)
    }
    const median = (pick: (memory: Memory) => number): number => quantile(readings.map(pick), 0.5)
    return { resident: median((each) => each.resident), anonymous: median((each) => each.anonymous) }
  } finally {
    await contender.stop()
  }
}

/** P11: how long the event loop kept others waiting from its start until it had read all pods. */
export const syncDelayOf = async (launch: Launch): Promise<LoopDelay> => {
  const contender = await startContender(launch)
  try {
    return await contender.loopDelay()
  } finally {
    await contender.stop()
  }
}

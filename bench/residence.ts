/** P3: the memory of an idle process; P11: its event loop delay until then. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Launch, type LoopDelay, startContender } from './contenders.ts'
import { type Memory, memoryOf } from './memory.ts'
import { quantile } from './statistics.ts'

const READINGS = 5

/** Starts it, leaves it idle, and returns the median of several readings over two seconds. */
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

/** P11: its event loop delay from its start until it has read all pods. */
export const syncDelayOf = async (launch: Launch): Promise<LoopDelay> => {
  const contender = await startContender(launch)
  try {
    return await contender.loopDelay()
  } finally {
    await contender.stop()
  }
}

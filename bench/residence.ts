/** P3: the memory of an idle process; P8: the time until it is ready; P11: its event loop delay until then. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Launch, type LoopDelay, startContender } from './contenders.ts'
import { type Memory, medianMemory } from './memory.ts'

/** Starts it, leaves it idle, and returns the median of several readings over two seconds. */
export const residenceOf = async (launch: Launch, stabilizationMs: number): Promise<Memory> => {
  const contender = await startContender(launch)
  try {
    await sleep(stabilizationMs)
    return await medianMemory(contender.pid)
  } finally {
    await contender.stop()
  }
}

/** ms from exec to ready. */
export const startOf = async (launch: Launch): Promise<number> => {
  const contender = await startContender(launch)
  await contender.stop()
  return contender.readyMs
}

/** Its event loop delay from its start until it has read all pods. */
export const syncDelayOf = async (launch: Launch): Promise<LoopDelay> => {
  const contender = await startContender(launch)
  try {
    return await contender.loopDelay()
  } finally {
    await contender.stop()
  }
}

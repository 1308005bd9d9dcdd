import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from './statistics.ts'

/** Bytes. */
export interface Memory {
  readonly resident: number
  readonly anonymous: number
}

const READINGS = 5

const fieldsOf = async (pid: number): Promise<(field: string) => number> => {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1_024
}

/** The memory of a process now, as the kernel counts it. */
export const memoryOf = async (pid: number): Promise<Memory> => {
  const bytes = await fieldsOf(pid)
  return { resident: bytes('VmRSS'), anonymous: bytes('RssAnon') }
}

/** The most that was ever resident. */
export const peakOf = async (pid: number): Promise<number> => (await fieldsOf(pid))('VmHWM')

/** The median of several readings over two seconds. */
export const medianMemory = async (pid: number): Promise<Memory> => {
  const readings: Memory[] = []
  for (let i = 0; i < READINGS; i += 1) {
    readings.push(await memoryOf(pid))
    await sleep(400)
  }
  const median = (pick: (memory: Memory) => number): number => quantile(readings.map(pick), 0.5)
  return { resident: median((each) => each.resident), anonymous: median((each) => each.anonymous) }
}

import { readFile } from 'node:fs/promises'

/** Bytes. */
export interface Memory {
  readonly resident: number
  readonly anonymous: number
}

/** The memory of a process now, as the kernel counts it. */
export const memoryOf = async (pid: number): Promise<Memory> => {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1_024
  return { resident: bytes('VmRSS'), anonymous: bytes('RssAnon') }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtBinary } from '../build/binary.ts'

const SYS_RESOURCE = 24n

/** Whether root may raise limits here; some virtual machines keep that to themselves. */
export const hasSysResource = (status = readFileSync('/proc/self/status', 'utf8')): boolean => {
  const bounding = /^CapBnd:\s*(?<mask>[0-9a-f]+)$/m.exec(status)?.groups?.['mask']
  return bounding === undefined || ((BigInt(`0x${bounding}`) >> SYS_RESOURCE) & 1n) === 1n
}

/** Path of the program to name in the place of runc where `hasSysResource` is false. Static; calls the runc of its PATH. */
export const runcWithoutResource = async (): Promise<string> => {
  const name = 'runc-without-resource'
  const source = fileURLToPath(new URL('runc', import.meta.url))
  return join(await builtBinary({ name, source, ldflags: '-s -w', patience: 'some seconds' }), name)
}

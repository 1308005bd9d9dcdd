import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtBinary } from '../build/binary.ts'

/** Path of a small static program that runs until it is told to end; what the containers of the test bed run. */
export const idleProgram = async (): Promise<string> => {
  const source = fileURLToPath(new URL('idle', import.meta.url))
  return join(await builtBinary({ name: 'idle', source, ldflags: '-s -w', patience: 'some seconds' }), 'idle')
}

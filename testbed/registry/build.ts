import { fileURLToPath } from 'node:url'
import { builtBinary } from '../build/binary.ts'

/** The folder with the distribution registry's binary, `registry`. */
export const registryBinaries = (): Promise<string> =>
  builtBinary({
    name: 'registry',
    source: fileURLToPath(new URL('go', import.meta.url)),
    ldflags: '-s -w',
    patience: 'half a minute',
  })

/** The contenders in other languages, built or installed into the cache once on a machine. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { builtBinary } from '../testbed/build/binary.ts'
import { cacheDirectory, hashOf, prune, touch } from '../testbed/build/cache.ts'
import { withLock } from '../testbed/build/lock.ts'

const goProgram = async (name: string): Promise<string> => {
  const directory = await builtBinary({
    name,
    source: join(import.meta.dirname, name),
    ldflags: '-s -w',
    patience: '1 to 3 minutes',
  })
  return join(directory, name)
}

const KOPF = 'kopf==1.45.2'
const run = promisify(execFile)

/** The path of a `kopf` in a virtual environment of its own. Throws if Python is missing. */
const kopf = async (): Promise<string> => {
  const directory = join(cacheDirectory(), `kopf-${hashOf(KOPF)}`)
  const command = join(directory, 'bin', 'python')
  mkdirSync(cacheDirectory(), { recursive: true })
  if (!existsSync(directory)) {
    await withLock(
      `${directory}.lock`,
      () => undefined,
      async () => {
        if (existsSync(directory)) return
        const unfinished = `${directory}.unfinished`
        rmSync(unfinished, { recursive: true, force: true })
        await run('python3', ['-m', 'venv', unfinished])
        await run(join(unfinished, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', KOPF])
        // Scripts in it name its first path; its python does not.
        renameSync(unfinished, directory)
      },
    )
    prune('kopf')
  }
  touch(directory)
  return command
}

export interface Programs {
  readonly controllerRuntime?: string
  readonly descheduler?: string
  /** The python that has kopf. */
  readonly kopf?: string
}

const PROGRAMS: Readonly<Record<keyof Programs, () => Promise<string>>> = {
  controllerRuntime: () => goProgram('controller-runtime'),
  descheduler: () => goProgram('descheduler'),
  kopf,
}

/** What can be had on this machine; `onMissing` gets the reason for the rest. */
export const findPrograms = async (onMissing: (text: string) => void): Promise<Programs> => {
  const found: Record<string, string> = {}
  for (const [name, get] of Object.entries(PROGRAMS)) {
    await get().then(
      (path) => {
        found[name] = path
      },
      (error: unknown) => onMissing(`left out, ${name}: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
  return found
}

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDirectory, touch } from '../build/cache.ts'
import { findGo } from '../build/go.ts'
import { withLock } from '../build/lock.ts'
import { showProgress } from '../build/progress.ts'

/**
 * Path of a program that a Go module holds, such as `sigs.k8s.io/kind` at `v0.33.0`: built once and kept in the cache.
 * Static. Throws `NoGoError`, or with the compiler's last lines.
 */
export const goTool = async (program: string, version: string): Promise<string> => {
  const name = program.split('/').findLast((part) => !/^v\d+$/.test(part)) ?? program
  const directory = join(cacheDirectory(), `${name}-${version}`)
  const file = join(directory, name)
  if (existsSync(file)) {
    touch(directory)
    return file
  }
  mkdirSync(cacheDirectory(), { recursive: true })
  const progress = showProgress(name)
  const onWait = (): void => progress.update('another process is building it; waiting')
  try {
    return await withLock(`${directory}.lock`, onWait, async () => {
      if (existsSync(file)) return file
      const unfinished = `${directory}.unfinished`
      rmSync(unfinished, { recursive: true, force: true })
      progress.line(`building ${version}, once on this machine`)
      progress.update('compiling')
      await promisify(execFile)(
        findGo(cacheDirectory()),
        ['install', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', `${program}@${version}`],
        {
          cwd: cacheDirectory(),
          env: { ...process.env, GOBIN: unfinished, CGO_ENABLED: '0', GOWORK: 'off' },
          maxBuffer: 64e6,
        },
      ).catch((cause: unknown) => {
        throw new Error(`building ${program}@${version}`, { cause })
      })
      renameSync(unfinished, directory)
      progress.line(`built; kept in ${directory}`)
      return file
    })
  } finally {
    progress.end()
  }
}

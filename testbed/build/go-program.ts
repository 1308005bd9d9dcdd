import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cacheDirectory, hashOf, prune, touch } from './cache.ts'
import { findGo } from './go.ts'
import { withLock } from './lock.ts'
import { showProgress } from './progress.ts'

/** Somebody else's command, got as a Go module. */
export interface GoProgram {
  /** The file's name. */
  readonly name: string
  /** As `go install` takes it: the package, `@`, the version. */
  readonly package: string
  /** By default without symbols. */
  readonly ldflags?: string
}

/** Any folder with a go.mod will do; this one is always there. */
const MODULE = fileURLToPath(new URL('../control-plane/go', import.meta.url))

const goInstall = (program: GoProgram, into: string, onLine: (line: string) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const args = ['install', '-v', '-trimpath', '-ldflags', program.ldflags ?? '-s -w', program.package]
    const child = spawn(findGo(MODULE), args, {
      cwd: MODULE,
      env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOBIN: into },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const kill = (): void => void child.kill()
    process.once('exit', kill)
    const last: string[] = []
    createInterface(child.stderr).on('line', (line) => {
      last.push(line)
      if (last.length > 20) last.shift()
      onLine(line)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      process.off('exit', kill)
      if (code === 0) resolve()
      else reject(new Error(`go install ${program.package} ended with ${code}:\n${last.join('\n')}`))
    })
  })

/**
 * The path of the program, installed into the cache the first time; of several callers, in one process or many, one
 * installs and the others wait. Throws `NoGoError`, or an error with the last lines of `go install`.
 */
export const installedProgram = async (program: GoProgram): Promise<string> => {
  const { name } = program
  const directory = join(cacheDirectory(), `${name}-${hashOf(program)}`)
  const file = join(directory, name)
  if (existsSync(directory)) {
    touch(directory)
    return file
  }
  mkdirSync(cacheDirectory(), { recursive: true })
  const progress = showProgress(name)
  try {
    return await withLock(
      `${directory}.lock`,
      () => progress.update('another process installs it; waiting'),
      async () => {
        if (existsSync(directory)) return file
        progress.line(`installing ${program.package}, once on this machine`)
        const unfinished = `${directory}.unfinished`
        rmSync(unfinished, { recursive: true, force: true })
        await goInstall(program, unfinished, (line) => progress.update(line.replace(/^go: /, '')))
        renameSync(unfinished, directory)
        prune(name)
        progress.line(`installed; kept in ${directory}`)
        return file
      },
    )
  } finally {
    progress.end()
  }
}

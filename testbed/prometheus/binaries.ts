import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheDirectory, prune, touch } from '../build/cache.ts'
import { withLock } from '../build/lock.ts'
import { type Progress, showProgress } from '../build/progress.ts'

export interface PrometheusBinaries {
  readonly prometheus: string
  readonly promtool: string
}

/** Neither Debian's package nor one on the PATH; the message names the ways out. */
export class NoPrometheusError extends Error {
  override readonly name = 'NoPrometheusError'
}

const PROGRAMS = ['prometheus', 'promtool'] as const

const run = (command: string, args: readonly string[], cwd?: string): string | undefined => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', ...(cwd !== undefined && { cwd }) })
  return status === 0 ? stdout : undefined
}

/** The package's own hash, as the signed lists of apt tell it; undefined where there is no such package. */
const packageHash = (): string | undefined => {
  // Elsewhere a package that lies in the working directory already would not be named.
  const printed = run('apt-get', ['--print-uris', 'download', 'prometheus'], '/')
  return /SHA256:(?<hash>[0-9a-f]{64})/.exec(printed ?? '')?.groups?.['hash']
}

const hashAfterUpdate = (progress: Progress): string | undefined => {
  const known = packageHash()
  if (known !== undefined || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return known
  progress.line('apt knows no package prometheus; renewing its lists')
  run('apt-get', ['update', '-q'])
  return packageHash()
}

/** Downloads and unpacks; nothing is installed, no service is started. */
const unpack = (directory: string): boolean => {
  const work = mkdtempSync(join(tmpdir(), 'prometheus-package-'))
  // For apt's own user, who downloads where it is let.
  chmodSync(work, 0o777)
  try {
    if (run('apt-get', ['download', '-q', 'prometheus'], work) === undefined) return false
    const file = readdirSync(work).find((name) => name.endsWith('.deb'))
    if (file === undefined || run('dpkg', ['-x', join(work, file), join(work, 'root')]) === undefined) return false
    const unfinished = `${directory}.unfinished`
    rmSync(unfinished, { recursive: true, force: true })
    mkdirSync(unfinished, { recursive: true })
    for (const name of PROGRAMS) {
      if (run('cp', [join(work, 'root/usr/bin', name), join(unfinished, name)]) === undefined) return false
    }
    renameSync(unfinished, directory)
    return true
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const inDirectory = (directory: string): PrometheusBinaries => ({
  prometheus: join(directory, 'prometheus'),
  promtool: join(directory, 'promtool'),
})

const onPath = (): PrometheusBinaries => {
  if (PROGRAMS.every((name) => run(name, ['--version']) !== undefined)) {
    return { prometheus: 'prometheus', promtool: 'promtool' }
  }
  throw new NoPrometheusError(
    'Alerts and dashboard are tried on a real Prometheus: put prometheus and promtool on the PATH, ' +
      "or run where apt can download Debian's package prometheus.",
  )
}

let asked: Promise<PrometheusBinaries> | undefined

/**
 * Debian's `prometheus` and `promtool`, kept in the cache by the package's hash; else those on the PATH. Of several
 * callers one downloads. Throws `NoPrometheusError`.
 */
export const prometheusBinaries = (): Promise<PrometheusBinaries> => (asked ??= find())

const find = async (): Promise<PrometheusBinaries> => {
  const progress = showProgress('prometheus')
  try {
    const hash = hashAfterUpdate(progress)
    if (hash === undefined) return onPath()
    const directory = join(cacheDirectory(), `prometheus-${hash.slice(0, 16)}`)
    if (existsSync(directory)) {
      touch(directory)
      return inDirectory(directory)
    }
    mkdirSync(cacheDirectory(), { recursive: true })
    const onWait = (): void => progress.update('another process is downloading it; waiting')
    return await withLock(`${directory}.lock`, onWait, async () => {
      if (existsSync(directory)) return inDirectory(directory)
      progress.line("downloading Debian's package, 19 MB, once on this machine")
      if (!unpack(directory)) return onPath()
      prune('prometheus')
      progress.line(`unpacked; kept in ${directory}`)
      return inDirectory(directory)
    })
  } finally {
    progress.end()
  }
}

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cacheDirectory, prune, sourceHash, touch } from './cache.ts'
import { findGo } from './go.ts'
import { withLock } from './lock.ts'
import { type Progress, showProgress } from './progress.ts'

/** A Go module of this repository and the binary that it becomes. */
export interface GoBinary {
  /** The file's name, and what progress calls it. */
  readonly name: string
  /** The module's folder: go.mod, go.sum and the sources. */
  readonly source: string
  /** Path of another go.mod, with its go.sum beside it, for the same sources. */
  readonly modfile?: string
  readonly ldflags: string
  /** How long a first build takes, in words. */
  readonly patience: string
  /** Further names (symbolic links) for the one file. */
  readonly links?: readonly string[]
  readonly tags?: readonly string[]
}

interface GoRun {
  readonly go: string
  readonly args: readonly string[]
  readonly source: string
  readonly onLine: (line: string) => void
}

/** Ends with the lines of standard output; throws with the last lines of standard error. */
const runGo = ({ go, args, source, onLine }: GoRun): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(go, args, {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const kill = (): void => void child.kill()
    process.once('exit', kill)
    const last: string[] = []
    let count = 0
    createInterface(child.stdout).on('line', () => count++)
    createInterface(child.stderr).on('line', (line) => {
      last.push(line)
      if (last.length > 20) last.shift()
      onLine(line)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      process.off('exit', kill)
      if (code === 0) resolve(count)
      else reject(new Error(`go ${args[0]} ended with ${code}:\n${last.join('\n')}`))
    })
  })

const compile = async (
  { name, source, modfile, ldflags, patience, tags = [] }: GoBinary,
  file: string,
  progress: Progress,
): Promise<void> => {
  const go = findGo(source)
  const module = modfile === undefined ? [] : [`-modfile=${modfile}`]
  progress.line(`building it, once on this machine: ${patience} on 2 cores`)
  const total = await runGo({
    go,
    source,
    args: ['list', ...module, '-tags', tags.join(','), '-deps', '.'],
    onLine: (line) => progress.update(line.replace(/^go: /, '')),
  })
  let compiled = 0
  await runGo({
    go,
    source,
    args: [
      'build',
      ...module,
      '-v',
      '-tags',
      tags.join(','),
      '-trimpath',
      '-buildvcs=false',
      '-ldflags',
      ldflags,
      '-o',
      file,
      '.',
    ],
    onLine: (line) => {
      compiled++
      const isLast = line.startsWith('podmend/')
      progress.update(isLast ? `linking ${name}` : `compiling ${compiled} of at most ${total} packages: ${line}`)
    },
  })
}

/** Names the sources, what they are built with and how; another go.mod stands in for the one beside them. */
const hashOf = ({ source, modfile, ldflags, links, tags }: GoBinary): string => {
  if (modfile === undefined) return sourceHash(source, { ldflags, links, tags })
  const module = [modfile, modfile.replace(/mod$/, 'sum')].map((path) => readFileSync(path, 'utf8'))
  return sourceHash(source, { ldflags, links, tags, module }, ['go.mod', 'go.sum'])
}

/**
 * The folder that holds the built binary and its links. Built when it is not in the cache; of several callers, in one
 * process or many, one builds and the others wait. Throws `NoGoError`, or an error with the compiler's last lines.
 */
export const builtBinary = async (binary: GoBinary): Promise<string> => {
  const { name, links } = binary
  const directory = join(cacheDirectory(), `${name}-${hashOf(binary)}`)
  if (existsSync(directory)) {
    touch(directory)
    return directory
  }
  mkdirSync(cacheDirectory(), { recursive: true })
  const progress = showProgress(name)
  const onWait = (): void => progress.update('another process is building it; waiting')
  try {
    return await withLock(`${directory}.lock`, onWait, async () => {
      if (existsSync(directory)) return directory
      const unfinished = `${directory}.unfinished`
      rmSync(unfinished, { recursive: true, force: true })
      mkdirSync(unfinished)
      await compile(binary, join(unfinished, name), progress)
      for (const link of links ?? []) symlinkSync(name, join(unfinished, link))
      renameSync(unfinished, directory)
      prune(name)
      progress.line(`built; kept in ${directory}`)
      return directory
    })
  } finally {
    progress.end()
  }
}

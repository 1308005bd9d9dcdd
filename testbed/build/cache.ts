import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where built binaries and the state of detached control planes lie: outside the checkout, so that clones share them. */
export const cacheDirectory = (): string => join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'podmend')

/** A short hash of the files of a Go module's folder and of how it is built: other sources, another binary. */
export const sourceHash = (directory: string, settings: unknown, leftOut: readonly string[] = []): string => {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch} ${JSON.stringify(settings)}\n`)
  for (const name of readdirSync(directory).toSorted()) {
    if (leftOut.includes(name)) continue
    hash.update(`${name}\n`).update(readFileSync(join(directory, name)))
  }
  return hash.digest('hex').slice(0, 16)
}

/** A short hash of what describes a program whose sources lie elsewhere. */
export const hashOf = (settings: unknown): string =>
  createHash('sha256')
    .update(`${process.platform}/${process.arch} ${JSON.stringify(settings)}\n`)
    .digest('hex')
    .slice(0, 16)

const UNUSED_MS = 14 * 24 * 60 * 60 * 1000

/** Notes that a cached folder is in use, so that `prune` leaves it. */
export const touch = (directory: string): void => {
  try {
    utimesSync(directory, new Date(), new Date())
  } catch {
    // Another user's cache; theirs to prune.
  }
}

/** Removes earlier builds of a binary that were not used for two weeks: each is 165 MB. */
export const prune = (name: string, now = Date.now()): void => {
  for (const each of readdirSync(cacheDirectory())) {
    if (!new RegExp(`^${name}-[0-9a-f]{16}$`).test(each)) continue
    const directory = join(cacheDirectory(), each)
    if (now - statSync(directory).mtimeMs > UNUSED_MS) rmSync(directory, { recursive: true, force: true })
  }
}

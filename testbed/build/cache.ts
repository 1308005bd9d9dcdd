import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where built binaries and the state of detached control planes lie: outside the checkout, so that clones share them. */
export const cacheDirectory = (): string => join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kubemend')

/** A short hash of all files of a Go module's folder and of how it is built: other sources, another binary. */
export const sourceHash = (directory: string, settings: unknown): string => {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch} ${JSON.stringify(settings)}\n`)
  for (const name of readdirSync(directory).toSorted()) {
    hash.update(`${name}\n`).update(readFileSync(join(directory, name)))
  }
  return hash.digest('hex').slice(0, 16)
}

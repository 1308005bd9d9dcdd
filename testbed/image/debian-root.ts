import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createHash } from 'node:crypto'
import { cacheDirectory, prune, touch } from '../build/cache.ts'
import { withLock } from '../build/lock.ts'

const run = promisify(execFile)

interface RootOptions {
  /** The packages that are fetched for those that are named; default those alone. */
  readonly resolve?: (packages: readonly string[]) => Promise<readonly string[]>
  /** What is done to the folder once, before it is kept. */
  readonly finish?: (root: string) => Promise<void>
  /** Changes with what `finish` does: another one is another folder. */
  readonly version?: string
}

/**
 * A folder with the files of these Debian packages and nothing else: no dependencies, no scripts are run, and the machine
 * stays as it is. Fetched by the machine's own apt, once; kept by the packages' names under `name`. Throws with what apt says.
 */
export const debianRoot = async (
  name: string,
  packages: readonly string[],
  { resolve, finish, version = '' }: RootOptions = {},
): Promise<string> => {
  const hash = createHash('sha256')
    .update(`${process.arch} ${packages.join(' ')}${version}`)
    .digest('hex')
    .slice(0, 16)
  const directory = join(cacheDirectory(), `${name}-${hash}`)
  if (existsSync(directory)) {
    touch(directory)
    return directory
  }
  mkdirSync(cacheDirectory(), { recursive: true })
  return withLock(
    `${directory}.lock`,
    () => {},
    async () => {
      if (existsSync(directory)) return directory
      const work = mkdtempSync(join(cacheDirectory(), `${name}-unfinished-`))
      try {
        const [files, root] = [join(work, 'files'), join(work, 'root')]
        for (const each of [files, root]) mkdirSync(each)
        const fetched = (await resolve?.(packages)) ?? packages
        const fetch = () => run('apt-get', ['-qq', 'download', ...fetched], { cwd: files })
        // A machine that has never asked knows no packages.
        await fetch().catch(async () => {
          await run('apt-get', ['-qq', 'update'])
          await fetch()
        })
        for (const file of readdirSync(files)) await run('dpkg-deb', ['-x', join(files, file), root])
        await finish?.(root)
        touch(root) // else it is as old as the package
        renameSync(root, directory)
      } catch (cause) {
        throw new Error(`fetching the Debian packages ${packages.join(', ')}`, { cause })
      } finally {
        rmSync(work, { recursive: true, force: true })
      }
      prune(name)
      return directory
    },
  )
}

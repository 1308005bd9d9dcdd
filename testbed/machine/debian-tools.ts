import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { debianRoot } from '../image/debian-root.ts'

const run = promisify(execFile)

/** Programs of Debian packages that this machine lacks, to be run from where they lie. */
export interface DebianTools {
  /** The folder with the packages' files. */
  readonly root: string
  /** The environment in which its programs find each other and their libraries. */
  readonly env: Readonly<NodeJS.ProcessEnv>
}

/**
 * These packages and what they need, without what is installed, by default on this machine. Throws with apt's words, or
 * where there is no apt, naming the packages.
 */
export const missing = async (
  packages: readonly string[],
  installed = '/var/lib/dpkg/status',
): Promise<readonly string[]> => {
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`this machine lacks ${packages.join(', ')} and has no apt-get to fetch them with: install them`)
  }
  const status = ['-o', `Dir::State::status=${installed}`]
  const simulate = () => run('apt-get', ['install', '--simulate', '--no-install-recommends', ...status, ...packages])
  const { stdout } = await simulate().catch(async () => {
    // A machine that has never asked knows no packages.
    await run('apt-get', ['-qq', 'update'])
    return simulate()
  })
  const found = [...stdout.matchAll(/^Inst (?<name>\S+)/gm)].map(({ groups }) => groups?.['name'] ?? '')
  return [...new Set([...packages, ...found])].toSorted()
}

/**
 * Fetches Debian packages by the machine's own apt and unpacks them into the cache. Nothing is installed, no script of
 * a package runs and no service starts. Throws where there is no apt, naming the packages.
 */
export const debianTools = async (name: string, packages: readonly string[]): Promise<DebianTools> => {
  const root = await debianRoot(name, await missing(packages))
  const arch = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  const before = (variable: string, folders: readonly string[]): string =>
    [...folders.map((folder) => join(root, folder)), process.env[variable] ?? ''].filter(Boolean).join(delimiter)
  return {
    root,
    env: {
      ...process.env,
      PATH: before('PATH', ['usr/sbin', 'usr/bin', 'sbin', 'bin']),
      LD_LIBRARY_PATH: before('LD_LIBRARY_PATH', [`usr/lib/${arch}`, `lib/${arch}`]),
      XTABLES_LIBDIR: join(root, `usr/lib/${arch}/xtables`),
    },
  }
}

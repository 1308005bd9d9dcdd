import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { cacheDirectory } from '../build/cache.ts'
import type { Progress } from '../build/progress.ts'
import { debianTools } from '../machine/debian-tools.ts'

const run = promisify(execFile)

/** A release of Debian and where this machine gets it, as its own apt is set up. */
interface Source {
  readonly mirror: string
  readonly release: string
}

const debianSource = async (): Promise<Source> => {
  const format = '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)'
  const ask = async (): Promise<readonly string[]> =>
    (await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])).stdout.split('\n')
  const pick = (lines: readonly string[]): Source | undefined => {
    for (const line of lines) {
      const [mirror = '', release = '', component, origin] = line.split(' ')
      if (origin === 'Debian' && component === 'main' && /^[a-z]+$/.test(release)) return { mirror, release }
    }
    return undefined
  }
  let found = pick(await ask())
  if (!found) {
    await run('apt-get', ['-qq', 'update'])
    found = pick(await ask())
  }
  if (!found) throw new Error('kindest/node cannot be pulled, and this machine has no Debian to build one from')
  return found
}

/** A new folder with a bootable Debian that has these packages; the caller removes it. Needs root. */
export const debianMachine = async (packages: readonly string[], progress: Progress): Promise<string> => {
  const { mirror, release } = await debianSource()
  const { root: tools, env } = await debianTools('debootstrap', ['debootstrap'])
  const folder = mkdtempSync(join(cacheDirectory(), 'machine-unfinished-'))
  const args = ['--variant=minbase', `--include=${packages.join(',')}`, release, folder, mirror]
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn('sh', [join(tools, 'usr/sbin/debootstrap'), ...args], {
        env: { ...env, DEBOOTSTRAP_DIR: join(tools, 'usr/share/debootstrap') },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const last: string[] = []
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          last.splice(0, Math.max(0, last.length - 7))
          last.push(line)
          progress.update(line.replace(/^I: /, `Debian ${release}: `))
        })
      }
      child.once('error', reject)
      child.once('close', (code) => {
        if (code === 0) resolve()
        else reject(new Error(`debootstrap ended with ${code}:\n${last.join('\n')}`))
      })
    })
    return folder
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error('making a Debian for the nodes', { cause })
  }
}

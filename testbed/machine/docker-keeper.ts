/**
 * Runs a Docker daemon of our own for as long as a process uses it, and then puts everything back as it was. A process of
 * its own, so that it also does so when those processes are killed.
 */
import { execFile, spawn } from 'node:child_process'
import { closeSync, cpSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { withLock } from '../build/lock.ts'
import { PLACE, RUN_DIRECTORY, users } from './docker-paths.ts'
import { noteTraces, removeMounted } from './docker-traces.ts'

const LOOK_MS = 500
const END_WITHIN_MS = 15_000

/** What the starter found out: see `docker.ts`. */
export interface DockerKeeperOptions {
  readonly dataRoot: string
  readonly env: Readonly<Record<string, string>>
  /** The unpacked packages; absent where the machine has them. */
  readonly tools?: string
  /** The program to run in the place of runc. */
  readonly runc?: string
}

const IPTABLES = ['iptables', 'iptables-save', 'iptables-restore', 'ip6tables', 'ip6tables-save', 'ip6tables-restore']

const environmentOf = ({ env, tools }: DockerKeeperOptions): NodeJS.ProcessEnv => {
  if (tools === undefined) return env
  mkdirSync(PLACE.bin, { recursive: true })
  // Debian makes these links when the package is installed.
  for (const name of IPTABLES) symlinkSync(join(tools, 'usr/sbin/xtables-nft-multi'), join(PLACE.bin, name))
  return { ...env, PATH: `${PLACE.bin}${delimiter}${env['PATH']}` }
}

const configOf = ({ dataRoot, runc }: DockerKeeperOptions): object => ({
  'data-root': dataRoot,
  'exec-root': join(RUN_DIRECTORY, 'exec'),
  pidfile: join(RUN_DIRECTORY, 'dockerd.pid'),
  hosts: [`unix://${PLACE.socket}`],
  bridge: 'none',
  // Where a containerd of the machine runs, dockerd would use it; at least not what others have there.
  'containerd-namespace': 'podmend',
  'containerd-plugins-namespace': 'podmend-plugins',
  ...(runc !== undefined && { runtimes: { lowered: { path: runc } }, 'default-runtime': 'lowered' }),
})

const removeContainers = async (env: NodeJS.ProcessEnv): Promise<void> => {
  const docker = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)('docker', args, { env: { ...env, DOCKER_HOST: `unix://${PLACE.socket}` } })).stdout
  try {
    const ids = (await docker('ps', '--all', '--quiet')).split('\n').filter(Boolean)
    if (ids.length > 0) await docker('rm', '--force', '--volumes', ...ids)
    const networks = (await docker('network', 'ls', '--quiet', '--filter', 'type=custom')).split('\n').filter(Boolean)
    if (networks.length > 0) await docker('network', 'rm', ...networks)
    await docker('volume', 'prune', '--force')
  } catch {
    // A daemon that answers no more is ended below.
  }
}

const keep = async (options: DockerKeeperOptions): Promise<void> => {
  const env = environmentOf(options)
  const putBack = noteTraces(env)
  writeFileSync(PLACE.config, JSON.stringify(configOf(options)))
  const log = openSync(PLACE.log, 'a')
  const daemon = spawn('dockerd', ['--config-file', PLACE.config], { env, stdio: ['ignore', log, log] })
  closeSync(log)
  let over = false
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true
      resolve()
    }
    daemon.once('close', end)
    daemon.once('error', end)
  })

  const unused = (): Promise<boolean> =>
    withLock(
      PLACE.lock,
      () => {},
      async () => {
        if (users().length > 0) return false
        writeFileSync(PLACE.ending, '')
        return true
      },
    )
  while (!over) {
    if (users().length === 0 && (await unused())) break
    await sleep(LOOK_MS)
  }
  if (!over) {
    await removeContainers(env)
    daemon.kill('SIGTERM')
    const late = setTimeout(() => daemon.kill('SIGKILL'), END_WITHIN_MS)
    await ended
    clearTimeout(late)
  } else if (users().length > 0) {
    // It failed: what it said outlives the folder, for the one that waits.
    cpSync(PLACE.log, `${RUN_DIRECTORY}.failed.log`)
  }
  putBack()
  removeMounted(RUN_DIRECTORY)
}

// A terminal's Ctrl-C is for those that use it; it ends when they have.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
await keep(JSON.parse(process.argv[2] ?? '{}') as DockerKeeperOptions)

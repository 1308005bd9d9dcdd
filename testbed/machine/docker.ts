import { execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cacheDirectory } from '../build/cache.ts'
import { withLock } from '../build/lock.ts'
import { showProgress } from '../build/progress.ts'
import { type DebianTools, debianTools } from './debian-tools.ts'
import type { DockerKeeperOptions } from './docker-keeper.ts'
import { answers, keeperPid, PLACE, RUN_DIRECTORY, users } from './docker-paths.ts'
import { removeMounted } from './docker-traces.ts'
import { hasSysResource, runcWithoutResource } from './runc.ts'

const PACKAGES = ['docker.io', 'containerd', 'runc', 'iptables']
const START_WITHIN_MS = 60_000
const LOOK_MS = 100

const found = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const progress = showProgress('docker')

/** Programs of Docker: the machine's, or unpacked ones, which this process then finds on its PATH too. */
const programs = async (): Promise<DebianTools | undefined> => {
  if (['dockerd', 'docker', 'containerd', 'runc', 'iptables'].every(found)) return undefined
  const tools = await debianTools('docker-packages', PACKAGES)
  if (!found('docker')) process.env['PATH'] = `${process.env['PATH']}:${join(tools.root, 'usr/bin')}`
  return tools
}

/** The daemon that docker on this machine speaks to by itself, where one answers. */
const othersHost = async (): Promise<string | undefined> => {
  if (!found('docker')) return undefined
  const host =
    process.env['DOCKER_HOST'] ??
    execFileSync('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], {
      encoding: 'utf8',
    }).trim()
  return (await answers(host)) ? host : undefined
}

const startKeeper = async (): Promise<void> => {
  if (process.getuid?.() !== 0) {
    throw new Error('no Docker daemon answers, and only root can start one: start Docker, or run this as root')
  }
  progress.line('no daemon answers; starting one of our own')
  const tools = await programs()
  const order: DockerKeeperOptions = {
    dataRoot: join(cacheDirectory(), 'docker'),
    env: Object.fromEntries(Object.entries(tools?.env ?? process.env).map(([name, value]) => [name, value ?? ''])),
    ...(tools !== undefined && { tools: tools.root }),
    ...(!hasSysResource() && { runc: await runcWithoutResource() }),
  }
  const log = openSync(PLACE.keeperLog, 'a')
  const keeper = spawn(
    process.execPath,
    [fileURLToPath(new URL('docker-keeper.ts', import.meta.url)), JSON.stringify(order)],
    // A session of its own: what interrupts this process must not reach it.
    { detached: true, stdio: ['ignore', log, log] },
  )
  closeSync(log)
  keeper.unref()
  writeFileSync(PLACE.keeper, String(keeper.pid))
}

const lastWords = (): string => {
  for (const file of [PLACE.log, `${RUN_DIRECTORY}.failed.log`, PLACE.keeperLog]) {
    if (existsSync(file)) return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
  }
  return 'it left no log'
}

/** Resolves when no keeper is ending. */
const untilEnded = async (): Promise<void> => {
  while (existsSync(PLACE.ending) && keeperPid() !== undefined) await sleep(LOOK_MS)
}

const enter = async (user: string): Promise<void> => {
  for (;;) {
    await untilEnded()
    const joined = await withLock(
      PLACE.lock,
      () => {},
      async () => {
        if (existsSync(PLACE.ending) && keeperPid() !== undefined) return false
        if (keeperPid() === undefined) removeMounted(RUN_DIRECTORY)
        mkdirSync(PLACE.users, { recursive: true })
        writeFileSync(join(PLACE.users, user), '')
        if (keeperPid() === undefined) await startKeeper()
        return true
      },
    )
    if (joined) return
  }
}

const untilAnswers = async (host: string): Promise<void> => {
  const deadline = Date.now() + START_WITHIN_MS
  while (!(existsSync(PLACE.socket) && (await answers(host)))) {
    if (Date.now() > deadline || keeperPid() === undefined) throw new Error(`starting dockerd:\n${lastWords()}`)
    await sleep(LOOK_MS)
  }
}

/** Uses of our daemon by this process. */
let uses = 0

/**
 * Gives `work` the address of a Docker daemon, in the form of DOCKER_HOST, and `docker` on the PATH of this process: the
 * one that answers on this machine, or one of our own, started with its own socket, data and settings. Ours ends, with
 * all its containers and whatever it changed on the machine, when the last process that uses it is done or killed.
 * Throws where none answers and this is not root, or with what dockerd says.
 */
export const withDocker = async <T>(work: (dockerHost: string) => Promise<T>): Promise<T> => {
  const given = await othersHost()
  if (given !== undefined) return work(given)
  const user = String(process.pid)
  uses++
  await enter(user)
  try {
    await programs()
    const host = `unix://${PLACE.socket}`
    await untilAnswers(host)
    return await work(host)
  } finally {
    uses--
    if (uses === 0) {
      rmSync(join(PLACE.users, user), { force: true })
      // What this process started is gone before it is.
      while (users().length === 0 && keeperPid() !== undefined) await sleep(LOOK_MS)
    }
  }
}

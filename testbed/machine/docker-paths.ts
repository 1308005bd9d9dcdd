import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where the Docker daemon of our own has its socket and what belongs to its run; one for the machine, gone with it. */
export const RUN_DIRECTORY = '/run/podmend-docker'

const at = (name: string): string => join(RUN_DIRECTORY, name)

/** What lies in the run's folder. */
export const PLACE = {
  socket: at('docker.sock'),
  /** One file a process that uses the daemon, named by its id. */
  users: at('users'),
  keeper: at('keeper.pid'),
  /** There from the moment when the keeper has decided to end. */
  ending: at('ending'),
  log: at('dockerd.log'),
  keeperLog: at('keeper.log'),
  config: at('daemon.json'),
  bin: at('bin'),
  /** Beside the folder, as it guards its making. */
  lock: `${RUN_DIRECTORY}.lock`,
} as const

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Names of those that use the daemon now. */
export const users = (): readonly string[] => {
  try {
    return readdirSync(PLACE.users).filter((name) => isAlive(Number(name)))
  } catch {
    return []
  }
}

/** Whether a keeper runs that will go on. */
export const keeperPid = (): number | undefined => {
  try {
    const pid = Number(readFileSync(PLACE.keeper, 'utf8'))
    return isAlive(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

/** Whether a Docker daemon answers there. */
export const answers = (host: string): Promise<boolean> =>
  promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], {
    env: { ...process.env, DOCKER_HOST: host },
    timeout: 5_000,
  }).then(
    () => true,
    () => false,
  )

import { cpSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTROLLER_MANAGER } from './programs.ts'
import { untilReady } from './readiness.ts'
import { askSupervisor, type ProgramStatus } from './supervisor.ts'

const API_SERVER = 'kube-apiserver'

/** Kills these programs, which stand still, and resolves when the supervisor has started them again. */
const replace = async (directory: string, before: readonly ProgramStatus[]): Promise<void> => {
  for (const { pid } of before) process.kill(pid ?? 0, 'SIGKILL')
  const isReplaced = (now: readonly ProgramStatus[]): boolean =>
    before.every(({ name, exits }) =>
      now.some((one) => one.name === name && one.exits > exits && one.pid !== undefined),
    )
  while (!isReplaced((await askSupervisor(directory, { do: 'status' })).programs ?? [])) await sleep(25)
}

/**
 * Copies what etcd has stored. The function that it gives puts that back, as a cluster is restored from a backup: all
 * later writes are lost, and versions go back. Resolves when the API server is ready again on the same port.
 */
export const backUpEtcd = async (directory: string, url: string): Promise<() => Promise<void>> => {
  const data = join(directory, 'etcd')
  const saved = join(directory, `etcd-backup-${Date.now()}`)
  /** The programs of these names; they stand still while `work` runs. */
  const whileStopped = async (names: readonly string[], work: () => void): Promise<readonly ProgramStatus[]> => {
    const { programs = [] } = await askSupervisor(directory, { do: 'status' })
    const stopped = programs.filter(({ name, pid }) => names.includes(name) && pid !== undefined)
    for (const { pid } of stopped) process.kill(pid ?? 0, 'SIGSTOP')
    work()
    return stopped
  }

  const stopped = await whileStopped(['etcd'], () => cpSync(data, saved, { recursive: true }))
  for (const { pid } of stopped) process.kill(pid ?? 0, 'SIGCONT')

  return async () => {
    const lost = `${data}-lost`
    const killed = await whileStopped(['etcd', API_SERVER], () => {
      renameSync(data, lost)
      cpSync(saved, data, { recursive: true })
    })
    await replace(directory, killed)
    rmSync(lost, { recursive: true })
    await untilReady(directory, url, false)
    // It would wait for versions that the API server does not have.
    await askSupervisor(directory, { do: 'restart', program: CONTROLLER_MANAGER })
  }
}

import type { NodeInspection } from '../../api/node-task.ts'
import type { UnitState } from '../node.ts'
import { notAllowed, readSmall, sayWhy } from './see.ts'

/** Whether containers outlive a restart of Docker: `live-restore` in daemon.json; off where nothing says so. */
export const liveRestoreIn = (text: string): boolean => {
  const settings = JSON.parse(text) as unknown
  if (typeof settings !== 'object' || settings === null) throw new Error('daemon.json holds no object')
  return (settings as { 'live-restore'?: unknown })['live-restore'] === true
}

type Docker = NodeInspection['docker']

/** What Docker's settings say of it, whether it is installed or not. Never rejects. */
export const readDockerSettings = async (config: string | undefined): Promise<Docker> => {
  if (config === undefined) return notAllowed("Docker's settings", '--docker-config')
  try {
    return { known: true, liveRestore: liveRestoreIn(await readSmall(config)) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known: true, liveRestore: false }
    return { known: false, why: `reading ${config}: ${sayWhy(error)}`.slice(0, 512) }
  }
}

/** `unit` is docker.service as systemd has it; undefined where that is not known. */
export const dockerAsSeen = (settings: Docker, unit: Pick<UnitState, 'load'> | undefined): Docker => {
  if (unit === undefined) return settings
  return unit.load === 'loaded' ? { ...settings, installed: true } : { known: true, installed: false }
}

import type { NodeInspection } from '../../api/node-task.ts'
import type { UnitState } from '../node.ts'
import { notAllowed, readSmall, sayWhy } from './see.ts'

/** Whether containers outlive a restart of Docker: `live-restore` in daemon.json; off where nothing says so. */
export const liveRestoreIn = (text: string): boolean => {
  const settings = JSON.parse(text) as unknown
  if (typeof settings !== 'object' || settings === null) throw new Error('daemon.json holds no object')
  return (settings as { 'live-restore'?: unknown })['live-restore'] === true
}

/** `unit` is docker.service as systemd has it; undefined where that is not known. */
export const lookAtDocker = async (
  config: string | undefined,
  unit: UnitState | undefined,
): Promise<NodeInspection['docker']> => {
  const installed = unit === undefined ? {} : { installed: unit.load === 'loaded' }
  if (unit && unit.load !== 'loaded') return { known: true, installed: false }
  if (config === undefined) return { ...notAllowed("Docker's settings", '--docker-config'), ...installed }
  try {
    return { known: true, ...installed, liveRestore: liveRestoreIn(await readSmall(config)) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known: true, ...installed, liveRestore: false }
    return { known: false, why: `reading ${config}: ${sayWhy(error)}`.slice(0, 512), ...installed }
  }
}

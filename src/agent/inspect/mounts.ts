import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MOUNT_HELPER_TYPES } from '../../api/mount-helpers.ts'
import type { NodeInspection } from '../../api/node-task.ts'
import { notAllowed, readSmall, sayWhy } from './see.ts'

const MAX_HELPERS = 64

/** Those that anybody asks for first: whatever does not fit, none of them must seem to be missing. */
const wantedFirst = (helpers: ReadonlySet<string>): string[] => {
  const sorted = [...helpers].toSorted()
  const isWanted = (type: string): boolean => MOUNT_HELPER_TYPES.includes(type)
  if (sorted.length <= MAX_HELPERS) return sorted
  return [...sorted.filter(isWanted), ...sorted.filter((type) => !isWanted(type))].slice(0, MAX_HELPERS)
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i

/** File system types of which a helper lies in a folder's listing: `mount.nfs` is `nfs`. */
export const helpersIn = (names: readonly string[]): readonly string[] =>
  names.flatMap((name) => {
    const type = name.startsWith('mount.') ? name.slice('mount.'.length) : ''
    return NAME.test(type) ? [type] : []
  })

/** Types of /proc/filesystems, those without a device among them: filesystems(5). */
export const filesystemsIn = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.split('\t').at(-1)?.trim() ?? '')
    .filter((type) => NAME.test(type))

/** One folder that cannot be read leaves all of it unknown: the helper may lie there. */
export const lookAtMounts = async (
  folders: readonly string[],
  filesystems = '/proc/filesystems',
): Promise<NodeInspection['mounts']> => {
  if (folders.length === 0) return notAllowed('the mount helpers', '--host-sbin')
  const helpers = new Set<string>()
  for (const folder of folders) {
    try {
      for (const type of helpersIn(await readdir(join(folder)))) helpers.add(type)
    } catch (error) {
      return { known: false, why: `reading ${folder}: ${sayWhy(error)}`.slice(0, 512) }
    }
  }
  const kernel = await readSmall(filesystems).then(filesystemsIn, () => [])
  return {
    known: true,
    helpers: wantedFirst(helpers),
    ...(kernel.length > 0 && { filesystems: [...new Set(kernel)].toSorted().slice(0, 128) }),
  }
}

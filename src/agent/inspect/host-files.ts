import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeInspection } from '../../api/node-task.ts'
import { isImmutable, MOUNT_HELPER_TYPES } from '../../model/mount-helpers.ts'
import type { UnitState } from '../host/host.ts'
import { notAllowed, probe, readSmall, reasonOf } from './probe.ts'

const MAX_HELPERS = 64

/** The usual types come first: the list is limited, and none of them may seem to be missing. */
const requestedFirst = (helpers: ReadonlySet<string>): string[] => {
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
export const inspectMounts = async (
  folders: readonly string[],
  filesystems = '/proc/filesystems',
): Promise<NodeInspection['mounts']> => {
  if (folders.length === 0) return notAllowed('the mount helpers', '--host-sbin')
  const helpers = new Set<string>()
  for (const folder of folders) {
    try {
      for (const type of helpersIn(await readdir(join(folder)))) helpers.add(type)
    } catch (error) {
      return { known: false, why: `reading ${folder}: ${reasonOf(error)}`.slice(0, 512) }
    }
  }
  const kernel = await readSmall(filesystems).then(filesystemsIn, () => [])
  return {
    known: true,
    helpers: requestedFirst(helpers),
    ...(kernel.length > 0 && { filesystems: [...new Set(kernel)].toSorted().slice(0, 128) }),
  }
}

const unquote = (text: string): string => {
  const quoted = /^(["'])(.*)\1$/.exec(text)
  return (quoted?.[2] ?? text).replace(/\\(["'$`\\])/g, '$1')
}

/** The assignments of an os-release file: freedesktop.org, os-release(5). */
export const parseOsRelease = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split('\n')
      .slice(0, 200)
      .flatMap((line) => {
        const found = /^\s*([A-Z][A-Z0-9_]{0,63})=(.*?)\s*$/.exec(line)
        return found ? [[found[1] ?? '', unquote(found[2] ?? '').slice(0, 128)] as const] : []
      }),
  )

export const inspectOs = async (path: string | undefined): Promise<NodeInspection['os']> => {
  if (path === undefined) return notAllowed('the operating system', '--os-release')
  return probe('reading os-release', async () => {
    const values = parseOsRelease(await readSmall(path))
    const short = (key: string): string | undefined => values[key]?.slice(0, 64)
    const [id, versionId, variantId] = [short('ID'), short('VERSION_ID'), short('VARIANT_ID')]
    if (!id) throw new Error(`${path} has no ID`)
    const likes = (values['ID_LIKE'] ?? '').split(/\s+/).filter(Boolean)
    const idLike = likes.map((each) => each.slice(0, 64)).slice(0, 8)
    const immutable = isImmutable({ id, ...(variantId && { variantId }) })
    return {
      id,
      idLike,
      ...(versionId && { versionId }),
      ...(variantId && { variantId }),
      ...(values['PRETTY_NAME'] && { name: values['PRETTY_NAME'] }),
      immutable,
    }
  })
}

type Docker = NodeInspection['docker']

/** Whether Docker makes chains of iptables: not with `iptables: false`, nor with the backend nftables; absent where it is not set. */
const managesChainsIn = (settings: Readonly<Record<string, unknown>>): boolean | undefined => {
  if (settings['iptables'] === false || settings['firewall-backend'] === 'nftables') return false
  return settings['iptables'] === true ? true : undefined
}

/** The settings in daemon.json: whether containers outlive a restart (`live-restore`, off unless it is set), and whether chains are managed. */
export const dockerSettingsIn = (text: string): Pick<Docker, 'liveRestore' | 'managesChains'> => {
  const settings = JSON.parse(text) as unknown
  if (typeof settings !== 'object' || settings === null) throw new Error('daemon.json holds no object')
  const table = settings as Readonly<Record<string, unknown>>
  const managesChains = managesChainsIn(table)
  return { liveRestore: table['live-restore'] === true, ...(managesChains !== undefined && { managesChains }) }
}

const NO_CHAINS = /\s["']?--(?:iptables=(?:false|f|0)|firewall-backend[= ]["']?nftables)\b/i
/** Another file than the one that is read, or a variable of a unit file, whose value is not seen. */
const UNSEEN = /\s["']?(?:--config-file\b|\$)/

/** The same from the flags of dockerd, which manages chains by default; undefined if not all flags are known. */
export const managesChainsBy = (commands: readonly string[]): boolean | undefined => {
  const daemon = commands.find((command) => /^["']?(?:\/\S*\/)?dockerd(?:-current)?["']?(?:\s|$)/.test(command))
  if (daemon === undefined || UNSEEN.test(daemon)) return undefined
  return !NO_CHAINS.test(daemon)
}

/** Docker's settings, whether it is installed or not. Never rejects. */
export const readDockerSettings = async (config: string | undefined): Promise<Docker> => {
  if (config === undefined) return notAllowed("Docker's settings", '--docker-config')
  try {
    return { known: true, ...dockerSettingsIn(await readSmall(config)) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known: true, liveRestore: false }
    return { known: false, why: `reading ${config}: ${reasonOf(error)}`.slice(0, 512) }
  }
}

/** What systemd knows of Docker; a part is absent where it is not known. */
export interface DockerUnit {
  readonly load?: UnitState['load'] | undefined
  readonly commands: DockerCommands
}

/** Command lines of Docker's processes, or why they are not known. */
export interface DockerCommands {
  readonly known: boolean
  readonly why?: string
  readonly list?: readonly string[]
}

/** Flags beside the file: Docker does not start where both set the same. */
export const withDockerUnit = (settings: Docker, { load, commands }: DockerUnit): Docker => {
  if (load === undefined) return settings
  if (load !== 'loaded') return { known: true, installed: false }
  if (!settings.known) return { ...settings, installed: true }
  const managesChains = settings.managesChains ?? managesChainsBy(commands.list ?? [])
  const why = commands.why ?? 'not all flags of Docker can be seen'
  return { ...settings, installed: true, ...(managesChains === undefined ? { why } : { managesChains }) }
}

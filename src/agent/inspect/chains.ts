/** The firewall's chains, by the programs that save its rules. They are told no input and run without a shell. */
import { execFile } from 'node:child_process'
import type { NodeInspection } from '../../api/node-task.ts'
import { notAllowed, readSmall, sayWhy } from './see.ts'

export type Chain = NonNullable<NodeInspection['chains']['list']>[number]
type Backend = Chain['backend']

export interface ChainPrograms {
  readonly legacy: string
  readonly nft: string
  /** Names of the legacy tables that the kernel has; empty where nobody uses them. */
  readonly legacyTables: string
}

const PROGRAMS: ChainPrograms = {
  legacy: '/usr/sbin/iptables-legacy-save',
  nft: '/usr/sbin/iptables-nft-save',
  legacyTables: '/proc/net/ip_tables_names',
}

/** kube-proxy's and, one or more a pod, those of CNI plugins: thousands, and nobody asks for them. */
const MANY =
  /^(KUBE-(SEP|SVC|SVL|FW|EXT|XLB|POD-FW|NWPLCY|TUNNEL)-|CNI-[0-9a-f]{8}|CNI-(DN|SN)-|cali-|cali(po|pi|pri|pro|tw|fw)-|LIBVIRT_|f2b-)/
const MAX_CHAINS = 512
const TIMEOUT_MS = 10_000
const MAX_OUTPUT = 64 * 2 ** 20

/** `*filter` opens a table, `:DOCKER - [0:0]` is a chain of it: iptables-save(8). */
export const parseSaved = (text: string, backend: Backend): readonly Chain[] => {
  const chains: Chain[] = []
  let table = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim().slice(0, 64)
    else if (line.startsWith(':')) {
      const name = line.slice(1).split(' ', 1)[0] ?? ''
      if (name !== '' && name.length <= 128 && !MANY.test(name)) chains.push({ backend, family: 'ip', table, name })
    }
  }
  return chains
}

const run = (program: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT, env: {} }
    execFile(program, [], options, (error, stdout, stderr) => {
      if (!error) resolve(stdout)
      else reject(new Error(stderr.trim().split('\n').at(-1) || error.message, { cause: error }))
    })
  })

const hasLegacyTables = async (path: string): Promise<boolean> => {
  try {
    return (await readSmall(path)).trim() !== ''
  } catch (error) {
    // Without the module there is no such file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Chains of both kinds of tables. What one of them hides is told in `partly`; with neither seen nothing is known. */
export const lookAtChains = async (
  allowed: boolean,
  { legacy, nft, legacyTables }: ChainPrograms = PROGRAMS,
): Promise<NodeInspection['chains']> => {
  if (!allowed) return notAllowed('the firewall', '--chains')
  const unseen: string[] = []
  const list: Chain[] = []
  let seen = 0
  const look = async (backend: Backend, read: () => Promise<string>): Promise<void> => {
    try {
      list.push(...parseSaved(await read(), backend))
      seen += 1
    } catch (error) {
      unseen.push(`the ${backend} tables: ${sayWhy(error)}`)
    }
  }
  await look('nft', () => run(nft))
  await look('legacy', async () => ((await hasLegacyTables(legacyTables)) ? run(legacy) : ''))
  const partly = unseen.join('; ').slice(0, 512)
  if (seen === 0) return { known: false, why: partly }
  const many = list.length > MAX_CHAINS ? `${list.length - MAX_CHAINS} further chains` : ''
  const rest = [partly, many].filter(Boolean).join('; ').slice(0, 512)
  return { known: true, list: list.slice(0, MAX_CHAINS), ...(rest !== '' && { partly: rest }) }
}

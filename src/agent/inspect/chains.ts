/** The firewall's chains, by the programs that save its rules. */
import type { NodeInspection } from '../../api/node-task.ts'
import { type Backend, type Chain, runSave } from './saved-chains.ts'
import { notAllowed, readSmall, sayWhy } from './see.ts'

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

const MAX_CHAINS = 512
const TIMEOUT_MS = 6_000

const hasLegacyTables = async (path: string): Promise<boolean> => {
  try {
    return (await readSmall(path)).trim() !== ''
  } catch (error) {
    // Without the module there is no such file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Docker's own first: whatever does not fit, a restart must not hang on it. */
const dockersFirst = (chains: readonly Chain[]): readonly Chain[] => {
  const isDockers = ({ name }: Chain): boolean => name.startsWith('DOCKER')
  return [...chains.filter(isDockers), ...chains.filter((chain) => !isDockers(chain))]
}

/** Chains of both kinds of tables. What one of them hides is told in `partly`; with neither seen nothing is known. */
export const lookAtChains = async (
  allowed: boolean,
  { legacy, nft, legacyTables }: ChainPrograms = PROGRAMS,
): Promise<NodeInspection['chains']> => {
  if (!allowed) return notAllowed('the firewall', '--chains')
  const unseen: string[] = []
  const look = async (backend: Backend, read: () => Promise<readonly Chain[]>): Promise<readonly Chain[] | undefined> =>
    read().catch((error: unknown) => {
      unseen.push(`the ${backend} tables: ${sayWhy(error)}`)
      return undefined
    })
  const seen = await Promise.all([
    look('nft', () => runSave(nft, 'nft', TIMEOUT_MS)),
    look('legacy', async () => ((await hasLegacyTables(legacyTables)) ? runSave(legacy, 'legacy', TIMEOUT_MS) : [])),
  ])
  const partly = unseen.join('; ').slice(0, 512)
  if (seen.every((each) => each === undefined)) return { known: false, why: partly }
  const list = dockersFirst(seen.flatMap((each) => each ?? []))
  const many = list.length > MAX_CHAINS ? `${list.length - MAX_CHAINS} further chains` : ''
  const rest = [partly, many].filter(Boolean).join('; ').slice(0, 512)
  return { known: true, list: list.slice(0, MAX_CHAINS), ...(rest !== '' && { partly: rest }) }
}

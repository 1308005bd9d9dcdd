/** The firewall's chains, by the programs that save its rules. */
import type { NodeInspection } from '../../api/node-task.ts'
import { splitLines } from '../../kube/transport.ts'
import { isDockersChain } from '../../model/firewall.ts'
import { notAllowed, readSmall, reasonOf } from './probe.ts'

export interface ChainPrograms {
  readonly legacy: string
  readonly nft: string
  /** Names of the legacy tables in the kernel; empty if they are not used. */
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
const dockerFirst = (chains: readonly Chain[]): readonly Chain[] => {
  const isDockers = ({ name }: Chain): boolean => isDockersChain(name)
  return [...chains.filter(isDockers), ...chains.filter((chain) => !isDockers(chain))]
}

/** Chains of both kinds of tables. What one of them hides is told in `partly`; with neither seen nothing is known. */
export const inspectChains = async (
  allowed: boolean,
  { legacy, nft, legacyTables }: ChainPrograms = PROGRAMS,
): Promise<NodeInspection['chains']> => {
  if (!allowed) return notAllowed('the firewall', '--chains')
  const unknown: string[] = []
  const look = async (backend: Backend, read: () => Promise<readonly Chain[]>): Promise<readonly Chain[] | undefined> =>
    read().catch((error: unknown) => {
      unknown.push(`the ${backend} tables: ${reasonOf(error)}`)
      return undefined
    })
  const seen = await Promise.all([
    look('nft', () => runSave(nft, 'nft', TIMEOUT_MS)),
    look('legacy', async () => ((await hasLegacyTables(legacyTables)) ? runSave(legacy, 'legacy', TIMEOUT_MS) : [])),
  ])
  const partly = unknown.join('; ').slice(0, 512)
  if (seen.every((each) => each === undefined)) return { known: false, why: partly }
  const list = dockerFirst(seen.flatMap((each) => each ?? []))
  const omitted = list.length - MAX_CHAINS
  return {
    known: true,
    list: list.slice(0, MAX_CHAINS),
    ...(partly !== '' && { partly }),
    ...(omitted > 0 && { omitted }),
  }
}

// Chains out of the output of iptables-save(8), line by line: the rules between them can be tens of megabytes.

export type Chain = NonNullable<NodeInspection['chains']['list']>[number]
export type Backend = Chain['backend']

/** kube-proxy's and, one or more a pod, those of CNI plugins: thousands, and nobody asks for them. */
const PER_POD_OR_SERVICE =
  /^(KUBE-(SEP|SVC|SVL|FW|EXT|XLB|POD-FW|NWPLCY|TUNNEL)-|CNI-[0-9a-f]{8}|CNI-(DN|SN)-|cali-|cali(po|pi|pri|pro|tw|fw)-|LIBVIRT_|f2b-)/
/** A table that others fill by rules that iptables has no words for is left out by it, with this remark. */
const SKIPPED_TABLE = /^# Table `([^']{1,64})' is incompatible/
const MAX_LINE_BYTES = 1_048_576
const MAX_STDERR = 400

/** `*filter` opens a table, `:DOCKER - [0:0]` is a chain of it. Throws where a table was left out. */
export const readSaved = async (
  lines: AsyncIterable<string> | Iterable<string>,
  backend: Backend,
): Promise<readonly Chain[]> => {
  const chains: Chain[] = []
  let table = ''
  for await (const line of lines) {
    if (line.startsWith('*')) table = line.slice(1).trim().slice(0, 64)
    else if (line.startsWith(':')) {
      const name = line.slice(1).split(' ', 1)[0] ?? ''
      if (name !== '' && name.length <= 128 && !PER_POD_OR_SERVICE.test(name))
        chains.push({ backend, family: 'ip', table, name })
    } else {
      const leftOut = SKIPPED_TABLE.exec(line)?.[1]
      if (leftOut !== undefined) throw new Error(`table ${leftOut} contains rules that iptables cannot read`)
    }
  }
  return chains
}

/** Runs such a program, without input, shell or environment. Rejects with its last words where it fails or takes too long. */
export const runSave = async (program: string, backend: Backend, timeoutMs: number): Promise<readonly Chain[]> => {
  // Loaded at need: most agents rest most of the time.
  const { spawn } = await import('node:child_process')
  const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR)
  })
  const ended = new Promise<string | undefined>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${program} took longer than ${timeoutMs / 1_000} s`))
    }, timeoutMs)
    child.once('error', reject).once('close', (code, signal) => {
      clearTimeout(timer)
      const lastLine = stderr.trim().split('\n').at(-1) || `${program} ended with ${code ?? signal}`
      resolve(code === 0 ? undefined : lastLine)
    })
  })
  // Reports the first failure; the other promise must not be left unhandled.
  ended.catch(() => child.kill('SIGKILL'))
  const read = readSaved(splitLines(child.stdout, MAX_LINE_BYTES), backend).finally(() => child.kill('SIGKILL'))
  const [chains, failure] = await Promise.all([read, ended])
  if (failure !== undefined) throw new Error(failure)
  return chains
}

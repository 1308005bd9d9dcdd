import { lookup, type LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'

/** Addresses of a host name. Rejects with `ENOTFOUND` or `EAI_AGAIN` as its `code`, as the system's resolver does. */
export type ResolveName = (hostname: string) => Promise<readonly LookupAddress[]>

/**
 * By the system's resolver: it knows all that the machine knows (VPNs, mDNS), but takes one of Node's four threads for as
 * long as it waits. For the command, where a person chooses the names.
 */
export const resolveBySystem: ResolveName = (hostname) =>
  new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, found) => (error ? reject(error) : resolve(found)))
  })

export interface DnsOptions {
  /** Default `/etc/hosts`. */
  readonly hostsFile?: string
  /** Default the system's; its `nameserver` and `search` lines count. */
  readonly resolvConf?: string
  /** For a name as it is, or with one search domain, ms; all of them together take three times as long at most. */
  readonly timeoutMs?: number
}

const RESOLV_CONF = '/etc/resolv.conf'
const MAX_CANDIDATES = 6
const TRIES = 2
const MAX_FILE = 1_048_576

/** Lines of a configuration file as words, without comments; nothing where it cannot be read. */
const wordsIn = async (file: string): Promise<readonly (readonly string[])[]> => {
  const text = (await readFile(file, 'utf8').catch(() => '')).slice(0, MAX_FILE)
  return text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .trim()
      .toLowerCase()
      .split(/\s+/),
  )
}

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4)

const inHostsFile = async (name: string, file: string): Promise<readonly LookupAddress[]> => {
  const lines = await wordsIn(file)
  const found = lines.filter(([, ...names]) => names.includes(name)).map(([address = '']) => address)
  return [...new Set(found)].map((address) => ({ address, family: familyOf(address) }))
}

const failed = (name: string, code: 'ENOTFOUND' | 'EAI_AGAIN', cause: unknown): Error =>
  Object.assign(new Error(`looking up ${name}`, { cause }), { code })

const MISSING = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])
const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && MISSING.has(String(error.code))

/**
 * Asks the DNS servers of `resolv.conf` directly, each name on a socket of its own with its own deadline: names in a zone
 * whose servers stay silent keep no other name waiting, whereas the system's resolver has four threads for all.
 *
 * A name with a dot is tried as it is before any search domain, whatever `ndots` says, as a kubelet's node usually does. In
 * a pod, `quay.io` would otherwise first mean a service `quay` in a namespace `io`.
 */
export const createDns = ({
  hostsFile = '/etc/hosts',
  resolvConf = RESOLV_CONF,
  timeoutMs = 4_000,
}: DnsOptions = {}): ResolveName => {
  const query = async (name: string, servers: readonly string[]): Promise<readonly LookupAddress[]> => {
    const perTry = Math.ceil(timeoutMs / TRIES)
    const resolver = new Resolver({ timeout: perTry, maxTimeout: perTry, tries: TRIES })
    // The resolver reads those of the system by itself, in every form.
    if (resolvConf !== RESOLV_CONF) resolver.setServers(servers)
    // Tries are counted for each server: with three of them, they would take three times as long.
    const deadline = setTimeout(() => resolver.cancel(), timeoutMs)
    try {
      const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const found = [v4, v6].flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
      if (found.length > 0) return found.map((address) => ({ address, family: familyOf(address) }))
      const reasons = [v4, v6].flatMap((each): readonly unknown[] => (each.status === 'rejected' ? [each.reason] : []))
      const silent = reasons.find((reason) => !isMissing(reason))
      throw failed(name, silent === undefined ? 'ENOTFOUND' : 'EAI_AGAIN', silent ?? reasons[0])
    } finally {
      clearTimeout(deadline)
    }
  }

  return async (hostname) => {
    const name = hostname.toLowerCase().replace(/\.$/, '')
    // RFC 6761: never asked of a server.
    if (/(^|\.)localhost$/.test(name))
      return ['127.0.0.1', '::1'].map((address) => ({ address, family: familyOf(address) }))
    const inFile = await inHostsFile(name, hostsFile)
    if (inFile.length > 0) return inFile
    const lines = await wordsIn(resolvConf)
    const servers = lines.flatMap(([key, server]) => (key === 'nameserver' && server ? [server] : []))
    // The last of several `search` lines counts.
    const search = lines.findLast(([key]) => key === 'search' || key === 'domain')?.slice(1) ?? []
    const searched = search.map((domain) => `${name}.${domain.replace(/\.$/, '')}`)
    const candidates = hostname.endsWith('.') ? [name] : name.includes('.') ? [name, ...searched] : [...searched, name]
    const began = performance.now()
    let last: unknown = failed(name, 'ENOTFOUND', undefined)
    let silent: unknown
    for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
      if (performance.now() - began > 2 * timeoutMs) break
      try {
        return await query(candidate, servers)
      } catch (error) {
        last = error
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOTFOUND')) silent ??= error
      }
    }
    throw silent ?? last
  }
}

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'smol-toml'

/** Where a registry host's requests really go, as containerd reads it from `certs.d/HOST/hosts.toml`. */
export interface HostTarget {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** PEM text of the authority that signed an https target's certificate. */
  readonly ca?: string
}

/**
 * Writes a containerd-style directory of registry hosts: `{'harbor.od.com': 'http://127.0.0.1:5000'}` sends
 * `harbor.od.com/public/coredns` there. May be called again for the same directory when a target moves.
 */
export const writeHostsDir = (directory: string, hosts: Readonly<Record<string, string | HostTarget>>): void => {
  for (const [host, given] of Object.entries(hosts)) {
    const target = typeof given === 'string' ? { url: given } : given
    const folder = join(directory, host)
    mkdirSync(folder, { recursive: true })
    const ca = join(folder, 'ca.crt')
    if (target.ca !== undefined) writeFileSync(ca, target.ca)
    // `server` alone: with a `host` table beside it, containerd would go on to the real host after a failure.
    const settings = { server: target.url, capabilities: ['pull', 'resolve'] }
    writeFileSync(join(folder, 'hosts.toml'), stringify({ ...settings, ...(target.ca !== undefined && { ca }) }))
  }
}

/** Reads one host's target back; undefined when the directory does not speak of it. */
export const readHostTarget = (directory: string, host: string): HostTarget | undefined => {
  let text: string
  try {
    text = readFileSync(join(directory, host, 'hosts.toml'), 'utf8')
  } catch {
    return undefined
  }
  const { server, ca } = parse(text) as { server?: string; ca?: string }
  if (server === undefined) return undefined
  return { url: server, ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }) }
}

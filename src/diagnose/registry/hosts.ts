import { readdir, readFile, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { parse } from 'smol-toml'
import { isTable } from '../../model/json.ts'

/** A place where a registry's API is served. */
export interface Endpoint {
  /** Ends with the API's root, without a trailing slash, e.g. `https://harbor.od.com/v2`. */
  readonly root: string
  readonly ca?: readonly string[]
  readonly skipVerify?: boolean
  /** The operator's configuration names this very address: it may be plain HTTP and on any network. */
  readonly named: boolean
  /** Whether credentials made for the registry may be sent there: not to mirrors that serve every registry. */
  readonly trusted: boolean
  /** Registry that this mirrors, for the `ns` parameter; absent at the registry itself. */
  readonly mirrorOf?: string
  /** Whether it may be asked what a tag means. */
  readonly resolves: boolean
}

export interface Hosts {
  /** Where to ask, first to last. */
  readonly endpoints: readonly Endpoint[]
  /** What could not be parsed, in sentences; the rest is used. */
  readonly warnings: readonly string[]
}

const MAX_FILE = 65_536
const MAX_ENDPOINTS = 8
/** containerd's own, core/remotes/docker/config/hosts.go. */
const DOCKER_HUB = 'registry-1.docker.io'

/** The registry itself, by https. */
const ownEndpoint = (host: string): Endpoint => ({
  root: `https://${host === 'docker.io' ? DOCKER_HUB : host}/v2`,
  named: false,
  trusted: true,
  resolves: true,
})

const readBounded = async (path: string): Promise<string> => {
  const { size } = await stat(path)
  if (size > MAX_FILE) throw new Error(`${path} has ${size} bytes, at most ${MAX_FILE} are read`)
  return readFile(path, 'utf8')
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

const textsOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string')

interface HostsDirectory {
  readonly host: string
  readonly directory: string
  /** `_default`: serves every registry without its own directory. */
  readonly fallback: boolean
}

/** One `server` or `[host."…"]` with its settings. Throws a sentence on what cannot be used. */
const endpointOf = async (
  address: string,
  settings: Record<string, unknown>,
  from: HostsDirectory,
  own: boolean,
): Promise<Endpoint> => {
  const url = new URL(address.includes('://') ? address : `https://${address}`)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error(`"${address}" is neither http nor https`)
  const path = url.pathname.replace(/\/+$/, '')
  const root = `${url.origin}${settings['override_path'] === true || /(^|\/)v2$/.test(path) ? path : `${path}/v2`}`
  const ca = await Promise.all(
    textsOf(settings['ca']).map((file) => readBounded(isAbsolute(file) ? file : join(from.directory, file))),
  )
  const capabilities = settings['capabilities'] === undefined ? ['resolve'] : textsOf(settings['capabilities'])
  const itself = own || url.host === from.host || (from.host === 'docker.io' && url.host === DOCKER_HUB)
  return {
    root: from.host === 'docker.io' && url.host === 'docker.io' ? `${url.protocol}//${DOCKER_HUB}/v2` : root,
    ...(ca.length > 0 && { ca }),
    ...(settings['skip_verify'] === true && { skipVerify: true }),
    named: true,
    trusted: itself || !from.fallback,
    ...(!itself && { mirrorOf: from.host }),
    resolves: capabilities.includes('resolve'),
  }
}

const parseHosts = async (text: string, from: HostsDirectory): Promise<Hosts> => {
  const warnings: string[] = []
  const endpoints: Endpoint[] = []
  const config: Record<string, unknown> = parse(text)
  const { server, host: hosts } = config
  const entries = isTable(hosts) ? Object.entries(hosts).slice(0, MAX_ENDPOINTS) : []
  for (const [address, settings] of entries) {
    try {
      endpoints.push(await endpointOf(address, isTable(settings) ? settings : {}, from, false))
    } catch (error) {
      warnings.push(`${from.directory}/hosts.toml, host "${address}": ${error instanceof Error ? error.message : ''}`)
    }
  }
  try {
    // Settings at the root are those of the server, whether it is named or not.
    const named = typeof server === 'string'
    const own = await endpointOf(named ? server : `https://${from.host}`, config, from, !named || !from.fallback)
    endpoints.push({ ...own, named })
  } catch (error) {
    warnings.push(`${from.directory}/hosts.toml, server: ${error instanceof Error ? error.message : ''}`)
    if (endpoints.length === 0) endpoints.push(ownEndpoint(from.host))
  }
  return { endpoints, warnings }
}

/** Docker's habit, which containerd shares: without hosts.toml, each `*.crt` in the directory is a CA. */
const certificatesIn = async (directory: string): Promise<readonly string[]> => {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.crt')).slice(0, 16)
  return Promise.all(files.map((name) => readBounded(join(directory, name))))
}

/**
 * Where a registry is asked, as containerd reads `certs.d`: the directory of the host (`host_port_`, then `host:port`),
 * else `_default`; without either, the registry itself by https. Files are read again each time, as containerd does.
 * Never rejects: a file that cannot be used is a complaint, and then only the registry itself is asked.
 * Source: github.com/containerd/containerd, docs/hosts.md. `client`, `proxy` and `header` are not used.
 */
export const readHosts = async (host: string, certsDirectory: string | undefined): Promise<Hosts> => {
  const own = ownEndpoint(host)
  if (certsDirectory === undefined || host.includes('/') || host.startsWith('.'))
    return { endpoints: [own], warnings: [] }
  const port = /:(\d+)$/.exec(host)?.[1]
  const names = [...(port === undefined ? [] : [`${host.slice(0, -port.length - 1)}_${port}_`]), host, '_default']
  for (const name of names) {
    const directory = join(certsDirectory, name)
    try {
      return await parseHosts(await readBounded(join(directory, 'hosts.toml')), {
        host,
        directory,
        fallback: name === '_default',
      })
    } catch (error) {
      if (!isMissing(error)) {
        const why = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : ''
        return { endpoints: [own], warnings: [`${directory}/hosts.toml cannot be used: ${why}`] }
      }
    }
    try {
      const ca = await certificatesIn(directory)
      return { endpoints: [{ ...own, ...(ca.length > 0 && { ca }) }], warnings: [] }
    } catch (error) {
      if (!isMissing(error)) return { endpoints: [own], warnings: [`${directory} cannot be read`] }
    }
  }
  return { endpoints: [own], warnings: [] }
}

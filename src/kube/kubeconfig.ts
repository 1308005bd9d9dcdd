import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import type { Connection, TlsOptions } from './transport.ts'

interface ClusterEntry {
  readonly server?: string
  readonly 'certificate-authority'?: string
  readonly 'certificate-authority-data'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
  readonly 'tls-server-name'?: string
}

interface UserEntry {
  readonly token?: string
  readonly tokenFile?: string
  readonly username?: string
  readonly password?: string
  readonly 'client-certificate'?: string
  readonly 'client-certificate-data'?: string
  readonly 'client-key'?: string
  readonly 'client-key-data'?: string
  readonly as?: string
  readonly exec?: unknown
  readonly 'auth-provider'?: unknown
}

interface ContextEntry {
  readonly cluster?: string
  readonly user?: string
  readonly namespace?: string
}

interface KubeconfigFile {
  readonly 'current-context'?: string
  readonly clusters?: readonly { readonly name: string; readonly cluster?: ClusterEntry }[] | null
  readonly users?: readonly { readonly name: string; readonly user?: UserEntry }[] | null
  readonly contexts?: readonly { readonly name: string; readonly context?: ContextEntry }[] | null
}

interface Found<T> {
  readonly value: T
  /** Relative paths in an entry are relative to its file. */
  readonly directory: string
}

const REREAD_MS = 60_000

/**
 * The connection of a context in kubeconfig files (the first definition of a name wins, as in kubectl). Users with a
 * token, certificate or password are read here; `exec` and `auth-provider` are left to `@kubernetes/client-node`, whose
 * import alone costs 75 MB.
 */
export const kubeconfigConnection = async (files: readonly string[], wanted?: string): Promise<Connection> => {
  const read = await Promise.all(
    files.map(async (file) => ({ file, directory: dirname(resolve(file)), content: await parseFile(file) })),
  )
  const names = files.join(', ')
  const contextName = wanted ?? read.map(({ content }) => content['current-context']).find(Boolean)
  if (!contextName) throw new Error(`${names}: no current-context is set; name one with --context`)

  const find = <T>(
    what: string,
    name: string | undefined,
    pick: (content: KubeconfigFile) => T | undefined,
  ): Found<T> => {
    for (const { content, directory } of read) {
      const value = pick(content)
      if (value !== undefined) return { value, directory }
    }
    throw new Error(`${names}: there is no ${what} "${name ?? ''}"`)
  }
  const context = find('context', contextName, (c) => c.contexts?.find((e) => e.name === contextName)?.context).value
  const cluster = find('cluster', context.cluster, (c) => c.clusters?.find((e) => e.name === context.cluster)?.cluster)
  const user: Found<UserEntry> = context.user
    ? find('user', context.user, (c) => c.users?.find((e) => e.name === context.user)?.user ?? undefined)
    : { value: {}, directory: '' }

  const serverUrl = cluster.value.server
  if (!serverUrl || !URL.canParse(serverUrl))
    throw new Error(`${names}: cluster "${context.cluster}" has no valid server`)
  const base = {
    server: new URL(serverUrl),
    contextName,
    ...(context.namespace && { namespace: context.namespace }),
    ...(user.value.as && { headers: { 'impersonate-user': user.value.as } }),
  }
  const clusterTls = await readClusterTls(cluster)
  if (user.value.exec || user.value['auth-provider']) {
    const { pluginCredentials } = await import('./exec-credentials.ts')
    const credentials = await pluginCredentials(files, contextName)
    return {
      ...base,
      get tls() {
        return credentials.tls(clusterTls)
      },
      authorization: () => credentials.authorization(),
      refresh: () => credentials.refresh(),
    }
  }
  return { ...base, ...(await plainCredentials(user, clusterTls)) }
}

const parseFile = async (file: string): Promise<KubeconfigFile> => {
  try {
    const content: unknown = parse(await readFile(file, 'utf8'))
    if (typeof content === 'object' && content !== null) return content
  } catch (cause) {
    throw new Error(`reading the kubeconfig ${file}`, { cause })
  }
  throw new Error(`${file} is not a kubeconfig`)
}

const fileOrData = async (directory: string, file?: string, data?: string): Promise<Buffer | undefined> => {
  if (data) return Buffer.from(data, 'base64')
  return file ? readFile(resolve(directory, file)) : undefined
}

const readClusterTls = async ({ value, directory }: Found<ClusterEntry>): Promise<TlsOptions> => {
  const ca = await fileOrData(directory, value['certificate-authority'], value['certificate-authority-data'])
  return {
    ...(ca && { ca }),
    ...(value['tls-server-name'] && { servername: value['tls-server-name'] }),
    ...(value['insecure-skip-tls-verify'] && { rejectUnauthorized: false }),
  }
}

const plainCredentials = async (
  { value: user, directory }: Found<UserEntry>,
  clusterTls: TlsOptions,
): Promise<Pick<Connection, 'tls' | 'authorization' | 'refresh'>> => {
  const readTls = async (): Promise<TlsOptions> => {
    const cert = await fileOrData(directory, user['client-certificate'], user['client-certificate-data'])
    const key = await fileOrData(directory, user['client-key'], user['client-key-data'])
    return { ...clusterTls, ...(cert && { cert }), ...(key && { key }) }
  }
  const readAuthorization = async (): Promise<string | undefined> => {
    if (user.tokenFile) return `Bearer ${(await readFile(resolve(directory, user.tokenFile), 'utf8')).trim()}`
    if (user.token) return `Bearer ${user.token}`
    if (!user.username) return undefined
    return `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`
  }
  let tls = await readTls()
  let authorization = await readAuthorization()
  let readAt = performance.now()
  return {
    get tls() {
      return tls
    },
    authorization: async () => {
      if (user.tokenFile && performance.now() - readAt > REREAD_MS) {
        readAt = performance.now()
        authorization = await readAuthorization().catch(() => authorization)
      }
      return authorization
    },
    refresh: async () => {
      tls = await readTls()
      authorization = await readAuthorization()
      readAt = performance.now()
    },
  }
}

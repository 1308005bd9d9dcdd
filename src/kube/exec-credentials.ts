import type { RequestOptions } from 'node:https'
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node'
import type { TlsOptions } from './transport.ts'

interface PluginCredentials {
  authorization(): Promise<string | undefined>
  refresh(): Promise<void>
  /** The cluster's options with the plugin's client certificate, if it returned one. */
  tls(clusterTls: TlsOptions): TlsOptions
}

/** Credentials from exec plugins and auth providers (OIDC). Imports client-node, so import this module only on demand. */
export const pluginCredentials = async (files: readonly string[], contextName: string): Promise<PluginCredentials> => {
  const load = (): KubeConfig => {
    const config = new KubeConfig()
    const [first = '', ...others] = files
    config.loadFromFile(first)
    for (const file of others) {
      const more = new KubeConfig()
      more.loadFromFile(file)
      mergeMissing(config, more)
    }
    config.setCurrentContext(contextName)
    return config
  }
  let config = load()
  let known: { readonly cert?: string | Buffer; readonly key?: string | Buffer } = {}
  let made: TlsOptions | undefined

  const authorization = async (): Promise<string | undefined> => {
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const { cert, key } = options as { cert?: string | Buffer; key?: string | Buffer }
    if (String(cert) !== String(known.cert) || String(key) !== String(known.key)) {
      known = { ...(cert && { cert }), ...(key && { key }) }
      made = undefined
    }
    const headers = options.headers as Record<string, string> | undefined
    return headers?.['Authorization']
  }
  await authorization().catch((cause: unknown) => {
    throw new Error(`getting credentials for context "${contextName}"`, { cause })
  })
  return {
    authorization,
    // client-node caches a plugin's credentials until they expire; only a new KubeConfig runs the plugin again.
    refresh: async () => {
      config = load()
      await authorization()
    },
    tls: (clusterTls) => {
      made ??= { ...clusterTls, ...known }
      return made
    },
  }
}

/** KubeConfig's own merge throws on a duplicate name; in kubectl, the first file wins. */
const mergeMissing = (config: KubeConfig, more: KubeConfig): void => {
  const missing = <T extends { readonly name: string }>(have: readonly T[], others: readonly T[]): T[] =>
    others.filter(({ name }) => !have.some((entry) => entry.name === name))
  config.clusters = [...config.clusters, ...missing<Cluster>(config.clusters, more.clusters)]
  config.users = [...config.users, ...missing<User>(config.users, more.users)]
  config.contexts = [...config.contexts, ...missing(config.contexts, more.contexts)]
}

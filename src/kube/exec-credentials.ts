import type { RequestOptions } from 'node:https'
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node'
import type { TlsOptions } from './transport.ts'

interface PluginCredentials {
  authorization(): Promise<string | undefined>
  refresh(): Promise<void>
  /** The cluster's options with the client certificate that the plugin gave, if it did. */
  tls(clusterTls: TlsOptions): TlsOptions
}

/**
 * Credentials from exec plugins and auth providers (OIDC). This module imports client-node: import it only when
 * needed.
 */
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
    // client-node keeps what a plugin gave until it expires: only a fresh load asks the plugin again.
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

/** Its own merge throws on a name that two files have; kubectl lets the first win. */
const mergeMissing = (config: KubeConfig, more: KubeConfig): void => {
  const missing = <T extends { readonly name: string }>(have: readonly T[], others: readonly T[]): T[] =>
    others.filter(({ name }) => !have.some((entry) => entry.name === name))
  config.clusters = [...config.clusters, ...missing<Cluster>(config.clusters, more.clusters)]
  config.users = [...config.users, ...missing<User>(config.users, more.users)]
  config.contexts = [...config.contexts, ...missing(config.contexts, more.contexts)]
}

import type { RequestOptions } from 'node:https'
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node'
import type { TlsOptions } from './transport.ts'

interface PluginCredentials {
  authorization(): Promise<string | undefined>
  refresh(): Promise<void>
  /** The cluster's options with the plugin's client certificate, if it returned one. */
  tls(clusterTls: TlsOptions): TlsOptions
}

/**
 * How often a plugin may run, ms. It names the expiry of its credentials itself: with one in the past, or with
 * credentials that the server refuses, it would otherwise be started for every request.
 */
const RUN_EVERY_MS = 5_000

/**
 * Credentials from exec plugins and auth providers (OIDC). Imports client-node, so import this module only on demand.
 * `now` is monotonic, ms.
 */
export const pluginCredentials = async (
  files: readonly string[],
  contextName: string,
  now: () => number = () => performance.now(),
): Promise<PluginCredentials> => {
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

  const ask = async (): Promise<string | undefined> => {
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
  let asked: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined
  let refreshedAt = Number.NEGATIVE_INFINITY
  // A failure is an answer as well: a plugin that fails is not started again at once.
  const authorization = (): Promise<string | undefined> => {
    if (asked === undefined || now() - asked.at >= RUN_EVERY_MS) asked = { at: now(), answer: ask() }
    return asked.answer
  }
  await authorization().catch((cause: unknown) => {
    throw new Error(`getting credentials for context "${contextName}"`, { cause })
  })
  return {
    authorization,
    // client-node caches a plugin's credentials until they expire; only a new KubeConfig runs the plugin again.
    refresh: async () => {
      if (now() - refreshedAt >= RUN_EVERY_MS) {
        refreshedAt = now()
        config = load()
        asked = undefined
      }
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

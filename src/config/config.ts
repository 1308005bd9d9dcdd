import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from '../kube/connection.ts'
import { SERVICE_ACCOUNT_DIR } from '../kube/in-cluster.ts'
import { type Flag, parseValue, readArguments, splitList, UsageError } from './arguments.ts'
import { FLAGS, helpText, type Settings } from './flags.ts'
import { type Environment, type ProxySettings, readProxy } from './proxy.ts'

/** All settings, validated and frozen. Times in milliseconds. */
export interface Config extends Readonly<Omit<Settings, 'namespace' | 'identity'>> {
  /** The operator's own namespace. */
  readonly namespace: string
  /** Unique to the process unless configured. */
  readonly identity: string
  /** From the usual variables; only for registries, never for the API server. */
  readonly registryProxy: ProxySettings
  /** For `loadKubeConnection`. */
  readonly connection: ConnectionOptions
}

export type ConfigOutcome =
  | { readonly kind: 'Config'; readonly config: Config }
  | { readonly kind: 'Help'; readonly text: string }

const COMMAND_LINE: Readonly<Record<string, Flag>> = {
  ...Object.fromEntries(
    Object.values(FLAGS).map(({ name, value, isSwitch }) => [name, { type: isSwitch ? 'boolean' : 'string', value }]),
  ),
  help: { type: 'boolean', short: 'h' },
}

/** The process's own flags and environment. Throws `UsageError`. */
export const readConfig = (): ConfigOutcome => parseConfig(process.argv.slice(2), process.env, podNamespace())

const podNamespace = (): string | undefined => {
  try {
    return readFileSync(join(SERVICE_ACCOUNT_DIR, 'namespace'), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** Flags take precedence over variables, and variables over defaults. Throws `UsageError`. */
export const parseConfig = (args: readonly string[], env: Environment, ownNamespace?: string): ConfigOutcome => {
  const { given } = readArguments(args, COMMAND_LINE, { positionals: false })
  if (given.has('help')) return { kind: 'Help', text: helpText() }
  const settings: Record<string, unknown> = {}
  for (const [key, flag] of Object.entries(FLAGS)) {
    const fromFlag = given.get(flag.name)
    // An empty variable counts as unset: manifests often contain them.
    const fromEnv = env[flag.env] || undefined
    const fromVariable = (flag.repeatable ? fromEnv && splitList(fromEnv) : fromEnv && [fromEnv]) || undefined
    const texts = fromFlag ?? fromVariable?.map((text) => ({ source: flag.env, text }))
    if (!texts) {
      settings[key] = flag.default
      continue
    }
    const values = texts.map(({ source, text }) => parseValue(source, text, flag.parse))
    settings[key] = flag.repeatable ? Object.freeze(values) : values.at(-1)
  }
  const checked = settings as unknown as Settings
  const registryProxy = Object.freeze(proxyIn(env))
  return {
    kind: 'Config',
    config: Object.freeze({
      ...checked,
      namespace: checked.namespace ?? ownNamespace ?? 'podmend-system',
      identity: checked.identity ?? `${hostname()}_${randomUUID().slice(0, 8)}`,
      registryProxy,
      connection: Object.freeze({
        kubeconfig: checked.kubeconfig,
        context: checked.context,
        environment: Object.freeze({
          KUBECONFIG: env['KUBECONFIG'],
          KUBERNETES_SERVICE_HOST: env['KUBERNETES_SERVICE_HOST'],
          KUBERNETES_SERVICE_PORT: env['KUBERNETES_SERVICE_PORT'],
        }),
      }),
    }),
  }
}

const proxyIn = (env: Environment): ProxySettings => {
  try {
    return readProxy(env)
  } catch (cause) {
    // Not as a cause: its message would be printed twice.
    throw new UsageError(cause instanceof Error ? cause.message : String(cause))
  }
}

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ConnectionOptions } from '../kube/connection.ts'
import { SERVICE_ACCOUNT_DIR } from '../kube/in-cluster.ts'
import { flagNamed, FLAGS, helpText, type Settings } from './flags.ts'
import { type ProxySettings, readProxy } from './proxy.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Everything that can be set, checked and frozen. Times in milliseconds. */
export interface Config extends Readonly<Omit<Settings, 'namespace' | 'identity'>> {
  /** The operator's own. */
  readonly namespace: string
  /** Unique to the process unless it was set. */
  readonly identity: string
  /** By the usual variables; for registries alone, never for the API server. */
  readonly registryProxy: ProxySettings
  /** For `loadKubeConnection`. */
  readonly connection: ConnectionOptions
}

/** A flag or variable that cannot be; the message names it, what was found and what was expected. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export type ConfigOutcome =
  | { readonly kind: 'Config'; readonly config: Config }
  | { readonly kind: 'Help'; readonly text: string }

/** The process's own flags and environment. Throws `ConfigError`. */
export const readConfig = (): ConfigOutcome => parseConfig(process.argv.slice(2), process.env, podNamespace())

const podNamespace = (): string | undefined => {
  try {
    return readFileSync(join(SERVICE_ACCOUNT_DIR, 'namespace'), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** Flags before variables before defaults. Throws `ConfigError`. */
export const parseConfig = (args: readonly string[], env: Environment, ownNamespace?: string): ConfigOutcome => {
  const given = readFlags(args)
  if (given === 'help') return { kind: 'Help', text: helpText() }
  const settings: Record<string, unknown> = {}
  for (const [key, flag] of Object.entries(FLAGS)) {
    const fromFlag = given.get(flag.name)
    // An empty variable counts as unset: manifests leave such behind.
    const fromEnv = env[flag.env] || undefined
    const texts = fromFlag ?? (flag.repeatable ? fromEnv?.split(',').map((text) => text.trim()) : fromEnv && [fromEnv])
    if (!texts) {
      settings[key] = flag.default
      continue
    }
    const source = fromFlag ? `--${flag.name}` : flag.env
    const values = texts.map((text) => {
      try {
        return flag.parse(text)
      } catch (cause) {
        const expected = cause instanceof Error ? cause.message : String(cause)
        throw new ConfigError(`${source}: found "${text.slice(0, 80)}", expected ${expected}`, { cause })
      }
    })
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
    // Its message is all that there is to say: as a cause it would be said again.
    throw new ConfigError(cause instanceof Error ? cause.message : String(cause))
  }
}

/** The texts given to each flag, in order; not yet understood. */
const readFlags = (args: readonly string[]): ReadonlyMap<string, readonly string[]> | 'help' => {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.values(FLAGS).map(({ name, isSwitch }) => [name, { type: isSwitch ? 'boolean' : 'string' } as const]),
    ),
  })
  const given = new Map<string, readonly string[]>()
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional' && isSwitchValue(token.value, tokens[at - 1])) continue
    if (token.kind === 'positional')
      throw new ConfigError(`found the argument "${token.value}", expected only flags; see --help`)
    if (token.name === 'help' || token.name === 'h') return 'help'
    const negated = token.name.startsWith('no-') ? flagNamed(token.name.slice(3)) : undefined
    const flag = flagNamed(token.name) ?? (negated?.isSwitch ? negated : undefined)
    if (!flag) throw new ConfigError(`${token.rawName} is not a flag; see --help`)
    const missing = token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))
    if (missing && !flag.isSwitch) throw new ConfigError(`--${flag.name}: found no value, expected ${flag.value}`)
    const next = tokens[at + 1]
    const after = next?.kind === 'positional' && isSwitchValue(next.value, token) ? next.value : undefined
    const text = flag === negated ? 'false' : (token.value ?? after ?? 'true')
    given.set(flag.name, [...(given.get(flag.name) ?? []), text])
  }
  return given
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number]

/** `--leader-elect false` means what it looks like, although the parser takes switches to have no value. */
const isSwitchValue = (value: string, before: Token | undefined): boolean =>
  (value === 'true' || value === 'false') &&
  before?.kind === 'option' &&
  before.value === undefined &&
  flagNamed(before.name)?.isSwitch === true

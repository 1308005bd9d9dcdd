import { parseArgs } from 'node:util'
import { SERVICE_ACCOUNT_DIR } from '../kube/in-cluster.ts'
import { NODE_VERBS, type NodeVerb } from '../model/node-tasks.ts'
import { LOG_LEVELS, type LogLevel } from '../runtime/log-line.ts'

/** Everything that can be set. A path that is absent is a thing that the agent may not look at. */
export interface AgentConfig {
  readonly namespace: string
  readonly verbs: readonly NodeVerb[]
  readonly criSocket?: string
  readonly systemBus?: string
  /** Folders in which mount helpers lie. */
  readonly hostSbin: readonly string[]
  readonly osRelease?: string
  readonly dockerConfig?: string
  /** Whether firewall chains may be looked at. */
  readonly chains: boolean
  readonly startJitterMs: number
  readonly logLevel: LogLevel
  readonly serviceAccountDir: string
  readonly host?: string
  readonly port?: string
}

/** A flag that cannot be; the message names it, what was found and what was expected. Exit code 2. */
export class AgentConfigError extends Error {
  override readonly name = 'AgentConfigError'
}

const OPTIONS = {
  namespace: { type: 'string', default: 'podmend-system' },
  verbs: { type: 'string', default: 'Inspect' },
  'cri-socket': { type: 'string' },
  'system-bus': { type: 'string' },
  'host-sbin': { type: 'string', multiple: true },
  'os-release': { type: 'string' },
  'docker-config': { type: 'string' },
  chains: { type: 'boolean', default: false },
  'start-jitter': { type: 'string', default: '10' },
  'log-level': { type: 'string', default: 'info' },
  'service-account-dir': { type: 'string', default: SERVICE_ACCOUNT_DIR },
} as const

const oneOf = <T extends string>(flag: string, value: string, known: readonly T[]): T => {
  const found = known.find((one) => one === value)
  if (found === undefined) {
    throw new AgentConfigError(`--${flag}: found "${value.slice(0, 80)}", expected ${known.join(', ')}`)
  }
  return found
}

const absolute = (flag: string, path: string | undefined): string | undefined => {
  if (path === undefined || path.startsWith('/')) return path
  throw new AgentConfigError(`--${flag}: found "${path.slice(0, 80)}", expected an absolute path`)
}

const seconds = (flag: string, text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > 600) {
    throw new AgentConfigError(`--${flag}: found "${text.slice(0, 80)}", expected seconds from 0 to 600`)
  }
  return value * 1_000
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values
  } catch (cause) {
    throw new AgentConfigError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** The agent's flags, and where the API server is. Throws `AgentConfigError`. */
export const parseAgentConfig = (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): AgentConfig => {
  const values = parse(args)
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(values.namespace)) {
    throw new AgentConfigError(
      `--namespace: found "${values.namespace.slice(0, 80)}", expected the name of a namespace`,
    )
  }
  const verbs = values.verbs.split(',').map((verb) => oneOf('verbs', verb.trim(), NODE_VERBS))
  const paths = {
    criSocket: absolute('cri-socket', values['cri-socket']),
    systemBus: absolute('system-bus', values['system-bus']),
    osRelease: absolute('os-release', values['os-release']),
    dockerConfig: absolute('docker-config', values['docker-config']),
    host: env['KUBERNETES_SERVICE_HOST'],
    port: env['KUBERNETES_SERVICE_PORT'],
  }
  const given = Object.fromEntries(Object.entries(paths).filter(([, value]) => value !== undefined))
  return {
    ...given,
    namespace: values.namespace,
    verbs: [...new Set(verbs)],
    hostSbin: (values['host-sbin'] ?? []).map((path) => absolute('host-sbin', path) ?? path),
    chains: values.chains,
    startJitterMs: seconds('start-jitter', values['start-jitter']),
    logLevel: oneOf('log-level', values['log-level'], LOG_LEVELS),
    serviceAccountDir: values['service-account-dir'],
  }
}

/** The process's own. */
export const readAgentConfig = (): AgentConfig => parseAgentConfig(process.argv.slice(2), process.env)

import {
  absolutePath,
  boolean,
  type Flag,
  namespaceName,
  number,
  oneOf,
  type ParseValue,
  parseValue,
  readArguments,
  splitList,
  text,
} from '../config/arguments.ts'
import { SERVICE_ACCOUNT_DIR } from '../kube/in-cluster.ts'
import { NODE_VERBS, type NodeVerb } from '../model/node-tasks.ts'
import { LOG_LEVELS, type LogLevel } from '../runtime/log-line.ts'

/** All settings. The agent may not inspect what an absent path refers to. */
export interface AgentConfig {
  readonly namespace: string
  readonly verbs: readonly NodeVerb[]
  readonly criSocket?: string
  readonly systemBus?: string
  /** Folders in which mount helpers lie. */
  readonly hostSbin: readonly string[]
  readonly osRelease?: string
  readonly dockerConfig?: string
  /** Whether firewall chains may be inspected. */
  readonly chains: boolean
  readonly startJitterMs: number
  readonly logLevel: LogLevel
  readonly serviceAccountDir: string
  readonly host?: string
  readonly port?: string
}

const FLAGS = {
  namespace: {
    type: 'string',
    value: 'NAME',
    help: "Namespace of the operator, with the node's tasks. Default: podmend-system.",
  },
  verbs: {
    type: 'string',
    value: 'VERB,…',
    help: `Verbs that it may execute, of ${NODE_VERBS.join(', ')}. Default: Inspect.`,
  },
  'cri-socket': {
    type: 'string',
    value: 'FILE',
    help: 'Socket of the container runtime. Without it the runtime is unknown.',
  },
  'system-bus': {
    type: 'string',
    value: 'FILE',
    help: 'Socket of the system bus. Without it units are unknown and none is restarted.',
  },
  'host-sbin': {
    type: 'string',
    value: 'DIR',
    help: 'Directory of mount helpers. Repeatable. Without it helpers are unknown.',
  },
  'os-release': {
    type: 'string',
    value: 'FILE',
    help: 'The os-release file of the node. Without it the distribution is unknown.',
  },
  'docker-config': {
    type: 'string',
    value: 'FILE',
    help: 'daemon.json of the node. Without it live-restore is unknown.',
  },
  chains: { type: 'boolean', help: 'Inspect firewall chains. Without it they are unknown.' },
  'start-jitter': { type: 'string', value: 'SECONDS', help: 'Longest random wait before the start. Default: 10.' },
  'log-level': { type: 'string', value: LOG_LEVELS.join('|'), help: 'The least severe lines to write. Default: info.' },
  'service-account-dir': {
    type: 'string',
    value: 'DIR',
    help: `Token and CA of the API server. Default: ${SERVICE_ACCOUNT_DIR}.`,
  },
} as const satisfies Readonly<Record<string, Flag & { readonly help: string }>>

const verbList: ParseValue<readonly NodeVerb[]> = (given) => [...new Set(splitList(given).map(oneOf(NODE_VERBS)))]

/** The text of `--help`. */
export const agentHelp = (): string => {
  const rows = Object.entries(FLAGS).map(([name, flag]) => {
    const value = 'value' in flag ? ` ${flag.value}` : ''
    return `  --${name}${value}\n      ${flag.help}`
  })
  return [
    'The node agent of podmend: inspects its node, and executes the tasks that the controller creates for it.',
    '',
    ...rows,
    '  --help\n      This text.',
    '',
  ].join('\n')
}

/** The agent's flags, and where the API server is. Throws `UsageError`. */
export const parseAgentConfig = (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): AgentConfig => {
  const { given } = readArguments(args, FLAGS, { positionals: false })
  const all = <T>(name: keyof typeof FLAGS, parse: ParseValue<T>): readonly T[] =>
    (given.get(name) ?? []).map(({ source, text: value }) => parseValue(source, value, parse))
  const last = <T>(name: keyof typeof FLAGS, parse: ParseValue<T>): T | undefined => all(name, parse).at(-1)
  const paths = {
    criSocket: last('cri-socket', absolutePath),
    systemBus: last('system-bus', absolutePath),
    osRelease: last('os-release', absolutePath),
    dockerConfig: last('docker-config', absolutePath),
    host: env['KUBERNETES_SERVICE_HOST'],
    port: env['KUBERNETES_SERVICE_PORT'],
  }
  const known = Object.fromEntries(Object.entries(paths).filter(([, value]) => value !== undefined))
  return {
    ...known,
    namespace: last('namespace', namespaceName) ?? 'podmend-system',
    verbs: last('verbs', verbList) ?? ['Inspect'],
    hostSbin: all('host-sbin', absolutePath),
    chains: last('chains', boolean) ?? false,
    startJitterMs: (last('start-jitter', number({ min: 0, max: 600, integer: false, unit: 'seconds' })) ?? 10) * 1_000,
    logLevel: last('log-level', oneOf(LOG_LEVELS)) ?? 'info',
    serviceAccountDir: last('service-account-dir', text) ?? SERVICE_ACCOUNT_DIR,
  }
}

/** The process's own. */
export const readAgentConfig = (): AgentConfig => parseAgentConfig(process.argv.slice(2), process.env)

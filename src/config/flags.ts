import { ACTION_TYPES, type ActionType } from '../api/policy/actions.ts'
import { LOG_FORMATS, LOG_LEVELS } from '../runtime/log.ts'
import {
  absolutePath,
  boolean,
  cidr,
  duration,
  namespaceName,
  number,
  oneOf,
  type ParseValue,
  text,
  textMembers,
} from './arguments.ts'

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const

interface Flag<T> {
  readonly name: string
  readonly env: string
  /** Placeholder in the help. */
  readonly value: string
  readonly help: string
  readonly default: T
  /** The default as text, where the value is not readable. */
  readonly defaultText: string | undefined
  readonly repeatable: boolean
  /** `--name` alone means true, `--no-name` false. */
  readonly isSwitch: boolean
  readonly parse: ParseValue<unknown>
}

interface Row<T> {
  readonly value: string
  readonly help: string
  readonly default: T
  readonly defaultText?: string
  readonly repeatable?: boolean
  readonly isSwitch?: boolean
  readonly parse: ParseValue<unknown>
}

const flag = <T>(name: string, row: Row<T>): Flag<T> => ({
  name,
  env: `PODMEND_${name.toUpperCase().replaceAll('-', '_')}`,
  defaultText: undefined,
  repeatable: false,
  isSwitch: false,
  ...row,
})

/** All flags: the parser, the help and the documentation derive from this table. */
export const FLAGS = {
  kubeconfig: flag<string | undefined>('kubeconfig', {
    value: 'FILE',
    help: 'How to reach the cluster from outside.',
    default: undefined,
    defaultText: "KUBECONFIG, else ~/.kube/config, else the pod's service account",
    parse: text,
  }),
  context: flag<string | undefined>('context', {
    value: 'NAME',
    help: 'Context in the kubeconfig.',
    default: undefined,
    defaultText: 'its current context',
    parse: text,
  }),
  namespace: flag<string | undefined>('namespace', {
    value: 'NAME',
    help: "The operator's own namespace, with its lease, its Remediations of nodes and its pause annotation.",
    default: undefined,
    defaultText: "the pod's, else podmend-system",
    parse: namespaceName,
  }),
  identity: flag<string | undefined>('identity', {
    value: 'NAME',
    help: 'Name of this process on the lease; it must be unique.',
    default: undefined,
    defaultText: "the host's name and a random part",
    parse: text,
  }),
  leaderElect: flag<boolean>('leader-elect', {
    value: 'true|false',
    help: 'Act only while holding the lease, so that several replicas may run.',
    default: true,
    isSwitch: true,
    parse: boolean,
  }),
  concurrency: flag<number>('concurrency', {
    value: 'N',
    help: 'Incidents worked on at the same time.',
    default: 8,
    parse: number({ min: 1, max: 64 }),
  }),
  maxActionsPerHour: flag<number>('max-actions-per-hour', {
    value: 'N',
    help: "Operator-wide budget of remediations, checked before each policy's own; 0 stops all actions.",
    default: 60,
    parse: number({ min: 0, max: 100_000 }),
  }),
  maxActionsPerSecond: flag<number>('max-actions-per-second', {
    value: 'N',
    help: 'Operator-wide rate limit.',
    default: 5,
    parse: number({ min: 0.01, max: 100, integer: false }),
  }),
  stabilizationWindowMs: flag<number>('stabilization-window', {
    value: 'DURATION',
    help: 'How long repaired containers must keep running before the remediation counts as successful.',
    default: 10_000,
    defaultText: '10s',
    parse: duration('1s', '1h'),
  }),
  httpPort: flag<number>('http-port', {
    value: 'PORT',
    help: 'Port of /metrics, /healthz and /readyz; 0 picks a free one.',
    default: 8080,
    parse: number({ min: 0, max: 65_535 }),
  }),
  httpHost: flag<string>('http-host', {
    value: 'ADDRESS',
    help: 'Address to listen on.',
    default: '0.0.0.0',
    parse: text,
  }),
  logLevel: flag<(typeof LOG_LEVELS)[number]>('log-level', {
    value: LOG_LEVELS.join('|'),
    help: 'The least severe lines to write.',
    default: 'info',
    parse: oneOf(LOG_LEVELS),
  }),
  logFormat: flag<(typeof LOG_FORMATS)[number]>('log-format', {
    value: LOG_FORMATS.join('|'),
    help: 'JSON lines, or short lines for people; auto picks short lines on a terminal.',
    default: 'auto',
    parse: oneOf(LOG_FORMATS),
  }),
  disabledActions: flag<readonly ActionType[]>('disable-action', {
    value: ACTION_TYPES.join('|'),
    help: 'Disables an action, whatever policies say. RBAC alone cannot: RewriteImage also deletes pods of StatefulSets. Repeatable.',
    default: Object.freeze([]),
    defaultText: 'none',
    repeatable: true,
    parse: oneOf(ACTION_TYPES),
  }),
  registryHostsDir: flag<string | undefined>('registry-hosts-dir', {
    value: 'DIR',
    help: "Registry hosts, mirrors and CAs in containerd's certs.d form: DIR/HOST/hosts.toml.",
    default: undefined,
    defaultText: 'none',
    parse: text,
  }),
  registryTimeoutMs: flag<number>('registry-timeout', {
    value: 'DURATION',
    help: 'For one request to a registry.',
    default: 10_000,
    defaultText: '10s',
    parse: duration('100ms', '2m'),
  }),
  allowRegistryAddresses: flag<readonly string[]>('allow-registry-address', {
    value: 'CIDR',
    help: 'Address ranges allowed for registries although they are refused by default (loopback, link-local, metadata). Repeatable.',
    default: Object.freeze([]),
    defaultText: 'none',
    repeatable: true,
    parse: cidr,
  }),
  historyLimit: flag<number>('history-limit', {
    value: 'N',
    help: 'How many finished Remediations are kept in the whole cluster.',
    default: 500,
    parse: number({ min: 10, max: 100_000 }),
  }),
  ttlAfterFinishedMs: flag<number>('ttl-after-finished', {
    value: 'DURATION',
    help: 'How long a finished Remediation is kept; never less than the longest window that reads it.',
    default: 168 * 3_600_000,
    defaultText: '168h',
    parse: duration('1m', '8760h'),
  }),
  agentImage: flag<string | undefined>('agent-image', {
    value: 'IMAGE',
    help: 'Image of the node agent, also run by the pod that installs a mount helper. Without it nothing is installed.',
    default: undefined,
    defaultText: 'none',
    parse: text,
  }),
  agentImagePullPolicy: flag<(typeof PULL_POLICIES)[number]>('agent-image-pull-policy', {
    value: PULL_POLICIES.join('|'),
    help: 'Pull policy of that image.',
    default: 'IfNotPresent',
    parse: oneOf(PULL_POLICIES),
  }),
  agentImagePullSecrets: flag<readonly string[]>('agent-image-pull-secret', {
    value: 'NAME',
    help: "Pull secret for that image, in the operator's namespace. Repeatable.",
    default: Object.freeze([]),
    defaultText: 'none',
    repeatable: true,
    parse: text,
  }),
  nodeLeaseNamespace: flag<string | undefined>('node-lease-namespace', {
    value: 'NAMESPACE',
    help: 'Namespace in which remediators share node leases, e.g. medik8s-leases. podmend does not touch a node whose lease another one holds.',
    default: undefined,
    defaultText: 'none',
    parse: namespaceName,
  }),
  agentSystemBus: flag<string>('agent-system-bus', {
    value: 'FILE',
    help: "Socket of the system bus on the nodes, through which that pod asks the host's systemd to install.",
    default: '/run/dbus/system_bus_socket',
    parse: absolutePath,
  }),
  agentAppArmorProfile: flag<Readonly<Record<string, string>> | undefined>('agent-app-armor-profile', {
    value: 'JSON',
    help: 'appArmorProfile of that pod, e.g. {"type":"Unconfined"}, for kernels that deny it the system bus.',
    default: undefined,
    defaultText: 'none',
    parse: textMembers(['type', 'localhostProfile']),
  }),
  agentSeLinuxOptions: flag<Readonly<Record<string, string>> | undefined>('agent-se-linux-options', {
    value: 'JSON',
    help: 'seLinuxOptions of that pod, e.g. {"type":"spc_t"}.',
    default: undefined,
    defaultText: 'none',
    parse: textMembers(['user', 'role', 'type', 'level']),
  }),
  readPullSecrets: flag<boolean>('read-pull-secrets', {
    value: 'true|false',
    help: "Query registries with the failing pod's pull secrets; without it, their answer to the pod is unknown.",
    default: true,
    isSwitch: true,
    parse: boolean,
  }),
} as const

type Flags = typeof FLAGS

/** The values of the flags, by the keys of the table. */
export type Settings = { -readonly [K in keyof Flags]: Flags[K] extends Flag<infer T> ? T : never }

/** The text of `--help`. */
export const helpText = (): string => {
  const rows = Object.values(FLAGS).map((row) => [
    `  --${row.name} ${row.value}`,
    `${row.help} Default: ${row.defaultText ?? (typeof row.default === 'object' ? 'none' : String(row.default))}.`,
  ])
  return [
    'podmend repairs pods that cannot start, as far as RemediationPolicies allow.',
    '',
    'Every flag can also be set by an environment variable: --http-port is PODMEND_HTTP_PORT. Flags take precedence.',
    '',
    ...rows.map(([left = '', right = '']) => `${left}\n      ${right}`),
    '  --help\n      This text.',
    '',
  ].join('\n')
}

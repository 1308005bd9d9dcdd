import { cidr, parseValue, splitList } from '../config/arguments.ts'
import { resolveBySystem } from '../diagnose/registry/names.ts'
import { createRegistry, type Registry } from '../diagnose/registry/registry.ts'
import {
  type Cluster,
  CLUSTER_OPTIONS,
  describeRight,
  type MissingRight,
  NAMESPACE_OPTION,
  withCluster,
} from './cluster.ts'
import { field, type TextOptions } from './incident/text.ts'
import { readRecording } from './snapshot/recorded.ts'
import type { Options, Values } from './subcommand.ts'
import { FORMATS, type Terminal } from './terminal.ts'
import { readProxy } from '../config/proxy.ts'

/** Where the controller runs unless it was installed elsewhere. */
const NAMESPACE = 'podmend-system'

export const OPERATOR_OPTIONS = {
  'operator-namespace': { type: 'string', value: 'NAME', help: `namespace of the operator (default ${NAMESPACE})` },
} as const satisfies Options

export const operatorNamespace = (
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
) => flag ?? (environment['PODMEND_NAMESPACE'] || NAMESPACE)

/** The controller's flags and variables on registries. */
export const REGISTRY_OPTIONS = {
  'registry-hosts-dir': {
    type: 'string',
    value: 'DIR',
    help: "registry hosts, mirrors and CAs in containerd's certs.d format (default: PODMEND_REGISTRY_HOSTS_DIR)",
  },
  'allow-registry-address': {
    type: 'string',
    value: 'CIDR',
    multiple: true,
    help: 'allow registries at addresses that are refused by default; repeatable (default: PODMEND_ALLOW_REGISTRY_ADDRESS)',
  },
} as const satisfies Options

type Environment = Readonly<Record<string, string | undefined>>

/** Directory of registry hosts: the flag, else the variable. */
export const hostsDirOf = (flag: string | undefined, environment: Environment): string | undefined =>
  flag ?? (environment['PODMEND_REGISTRY_HOSTS_DIR'] || undefined)

/** Allowed addresses: the flags, else the variable, which separates them by commas. */
const addressesOf = (flags: readonly string[] | undefined, environment: Environment): readonly string[] => {
  const variable = 'PODMEND_ALLOW_REGISTRY_ADDRESS'
  const [source, texts] = flags
    ? ['--allow-registry-address', flags]
    : [variable, splitList(environment[variable] ?? '').filter(Boolean)]
  return texts.map((text) => parseValue(source, text, cidr))
}

/** What `explain` and `simulate` have in common. */
export const CLUSTER_STATE_OPTIONS = {
  ...CLUSTER_OPTIONS,
  ...NAMESPACE_OPTION,
  ...OPERATOR_OPTIONS,
  ...REGISTRY_OPTIONS,
  'ask-registry': {
    type: 'boolean',
    help: 'query registries, with the pull secrets that you may read (default true)',
  },
  recorded: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: 'read the output of kubectl get pods,events,nodes,deployments,… -A -o json instead of the cluster; repeatable',
  },
  output: { type: 'string', short: 'o', choices: FORMATS, help: 'print as data; wide is the text without truncation' },
} as const satisfies Options

type ClusterStateValues = Values<typeof CLUSTER_OPTIONS> &
  Values<Pick<typeof CLUSTER_STATE_OPTIONS, 'namespace' | 'recorded'>>

/** Reads the cluster as it is now, or a recording of one, and notes what the recording lacks. */
export const withClusterState = async <T extends { readonly notes: readonly string[] }>(
  values: ClusterStateValues,
  terminal: Terminal,
  read: (cluster: Cluster, now: number) => Promise<T>,
): Promise<{ readonly found: T; readonly now: number }> => {
  if (values.recorded === undefined) {
    const now = Date.now()
    return { found: await withCluster(values, terminal, (cluster) => read(cluster, now)), now }
  }
  const { cluster, now, notes } = await readRecording(values.recorded, values.namespace)
  const found = await read(cluster, now)
  return { found: { ...found, notes: [...found.notes, ...notes()] }, now }
}

export const registryOf = (
  values: Values<typeof REGISTRY_OPTIONS>,
  environment: Readonly<Record<string, string | undefined>>,
): Registry => {
  const certsDirectory = hostsDirOf(values['registry-hosts-dir'], environment)
  return createRegistry({
    ...(certsDirectory !== undefined && { certsDirectory }),
    allowedAddresses: addressesOf(values['allow-registry-address'], environment),
    userAgent: 'kubectl-mend',
    resolveName: resolveBySystem,
    proxy: readProxy(environment),
  })
}

/** What was assumed and which rights were missing, under the rest. */
export const caveats = (
  notes: readonly string[],
  missingRights: readonly MissingRight[],
  options: Pick<TextOptions, 'paint'>,
): string => {
  const lines = [
    ...notes.flatMap((note) => field('note', note, options)),
    ...missingRights.flatMap((right) => field('missing', `the right to ${describeRight(right)}`, options)),
  ]
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}

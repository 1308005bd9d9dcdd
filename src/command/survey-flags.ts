import { readProxy } from '../diagnose/registry/proxy.ts'
import { createRegistry, type Registry } from '../diagnose/registry/registry.ts'
import { type Cluster, CLUSTER_OPTIONS, type MissingRight, NAMESPACE_OPTION, sayRight, withCluster } from './cluster.ts'
import { readRecording } from './recording.ts'
import type { Terminal } from './terminal.ts'
import type { Options, Values } from './flags.ts'
import { field, type TextOptions } from './incident-text.ts'
import { FORMATS } from './output.ts'
import { OPERATOR_OPTIONS } from './operator-flags.ts'
import { addressesOf, hostsDirOf, REGISTRY_OPTIONS } from './registry-flags.ts'

/** What `explain` and `simulate` have in common. */
export const SURVEY_OPTIONS = {
  ...CLUSTER_OPTIONS,
  ...NAMESPACE_OPTION,
  ...OPERATOR_OPTIONS,
  ...REGISTRY_OPTIONS,
  'ask-registry': {
    type: 'boolean',
    help: 'ask registries, with the pull secrets that you may read (default true)',
  },
  recorded: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: 'what kubectl get pods,events,nodes,deployments,… -A -o json wrote, in place of the cluster; repeatable',
  },
  output: { type: 'string', short: 'o', choices: FORMATS, help: 'print as data; wide cuts nothing' },
} as const satisfies Options

type SurveyValues = Values<typeof CLUSTER_OPTIONS> & Values<Pick<typeof SURVEY_OPTIONS, 'namespace' | 'recorded'>>

/** Looks at the cluster now, or at what was recorded of one then, and says what the recording lacks. */
export const withSurveyed = async <T extends { readonly notes: readonly string[] }>(
  values: SurveyValues,
  terminal: Terminal,
  look: (cluster: Cluster, now: number) => Promise<T>,
): Promise<{ readonly found: T; readonly now: number }> => {
  if (values.recorded === undefined) {
    const now = Date.now()
    return { found: await withCluster(values, terminal, (cluster) => look(cluster, now)), now }
  }
  const { cluster, now, notes } = await readRecording(values.recorded, values.namespace)
  const found = await look(cluster, now)
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
    ...missingRights.flatMap((right) => field('missing', `the right to ${sayRight(right)}`, options)),
  ]
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}

/** Reads the installation for `doctor` and checks it; what cannot be read is reported as a check. */
import { readdir } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { CustomResourceDefinition } from '../../api/crd.ts'
import { customResourceDefinitions, type RemediationPolicy } from '../../api/kinds.ts'
import { readHosts } from '../../diagnose/registry/hosts.ts'
import { type KubeClient, listAll } from '../../kube/client.ts'
import { notFound } from '../../kube/errors.ts'
import type { Lease } from '../../kube/leader-election.ts'
import { pathOf } from '../../kube/paths.ts'
import { formatDuration } from '../../model/duration.ts'
import type { Condition, KubeObject } from '../../model/kubernetes.ts'
import { EXCLUDE_KEY, excludes, oddExcludes, oddPauses, PAUSED_ANNOTATION, pauses } from '../../model/names.ts'
import { sentenceOf } from '../subcommand.ts'
import { type Check, fail, ok, orUndefined, unreadable, warn } from './check.ts'

export type Client = Pick<KubeClient, 'get' | 'list' | 'create'>

export const readServerVersion = async (client: Client): Promise<Check> =>
  checkVersion(await client.get<ServerVersion>('/version'))

export const readCrds = (client: Client): Promise<readonly Check[]> =>
  Promise.all(
    customResourceDefinitions().map(async (wanted) => {
      const path = pathOf({ kind: 'CustomResourceDefinition', name: wanted.metadata.name })
      return client
        .get<FoundCrd>(path)
        .catch(orUndefined)
        .then((found) => checkCrd(found, wanted))
        .catch(unreadable(`CRD ${wanted.spec.names.plural}`))
    }),
  )

/** The policies and their check; none if the kind is missing, which another check reports. */
export const readPolicyStatus = (
  client: Client,
): Promise<{ readonly policies: readonly RemediationPolicy[]; readonly checks: readonly Check[] }> =>
  listAll<RemediationPolicy>(client, pathOf({ kind: 'RemediationPolicy' })).then(
    ({ items }) => ({ policies: items, checks: checkPolicies(items) }),
    (error: unknown) => ({ policies: [], checks: notFound(error) ? [] : [unreadable('policies')(error)] }),
  )

export const readPause = (client: Client, namespace: string): Promise<Check> =>
  client
    .get<KubeObject>(pathOf({ kind: 'Namespace', name: namespace }))
    .catch(orUndefined)
    .then((found) => checkPause(found, namespace))
    .catch(unreadable('stop annotation'))

/** Only namespaces and nodes: there are too many pods and owners to list; `explain` shows theirs. */
export const readExcludes = async (client: Client): Promise<readonly Check[]> => {
  const checks = await Promise.all(
    (['Namespace', 'Node'] as const).map((kind) =>
      listAll<KubeObject>(client, pathOf({ apiVersion: 'v1', kind })).then(
        ({ items }) => checkExcludes(kind === 'Node' ? 'node' : 'namespace', items),
        (error: unknown) => [unreadable('opt-outs')(error)],
      ),
    ),
  )
  return checks.flat()
}

export const readLease = (client: Client, namespace: string, now: number): Promise<Check> =>
  client
    .list<Lease>(pathOf({ kind: 'Lease', namespace }), { limit: 100 })
    .then(({ items }) => checkLease(items, namespace, now))
    .catch(unreadable('controller'))
const MAX_HOSTS = 500

/** Whether each `hosts.toml` can be used. */
export const readRegistryHosts = async (directory: string | undefined): Promise<readonly Check[]> => {
  const check = 'registry hosts'
  if (directory === undefined)
    return [ok(check, 'no directory given: registries are reached over HTTPS under their own names')]
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const names = entries.filter((entry) => !entry.isFile()).map(({ name }) => name)
    const read = await Promise.all(
      // containerd uses `HOST_PORT_` on file systems that do not allow colons.
      names.slice(0, MAX_HOSTS).map((name) => readHosts(name.replace(/_(\d+)_$/, ':$1'), directory)),
    )
    const warnings = read.flatMap((hosts) => hosts.warnings)
    return warnings.length > 0
      ? warnings.map((warning) => fail(check, warning, 'fix the file; until then the registry itself is queried'))
      : [ok(check, `${directory} configures ${names.join(', ') || 'no registry'}`)]
  } catch (error) {
    return [
      fail(check, `${directory} cannot be read: ${sentenceOf(error)}`, 'choose another with --registry-hosts-dir'),
    ]
  }
}

// The checks are pure.

/** Selectable fields of custom resources, and admission policies in CEL with all that is used here. */
const OLDEST = { major: 1, minor: 32 }

export interface ServerVersion {
  readonly major?: string
  readonly minor?: string
  readonly gitVersion?: string
}

export const checkVersion = ({ major, minor, gitVersion }: ServerVersion): Check => {
  // Providers write `32+`.
  const have = { major: Number.parseInt(major ?? '', 10), minor: Number.parseInt(minor ?? '', 10) }
  const oldest = `${OLDEST.major}.${OLDEST.minor}`
  const newEnough = have.major > OLDEST.major || (have.major === OLDEST.major && have.minor >= OLDEST.minor)
  return newEnough
    ? ok('API server', `Kubernetes ${gitVersion ?? `${have.major}.${have.minor}`}`)
    : fail(
        'API server',
        `Kubernetes ${gitVersion ?? 'of unknown version'}; podmend needs ${oldest} or newer`,
        'upgrade Kubernetes',
      )
}

export interface FoundCrd extends KubeObject {
  readonly spec?: CustomResourceDefinition['spec']
  readonly status?: { readonly conditions?: readonly Condition[] }
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Path of the first difference between two JSON values; undefined where they are the same. */
export const firstDifference = (have: unknown, want: unknown, path: string): string | undefined => {
  if (isDeepStrictEqual(have, want)) return undefined
  if (!isObject(have) || !isObject(want)) return path
  for (const key of new Set([...Object.keys(want), ...Object.keys(have)])) {
    const found = firstDifference(have[key], want[key], `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** What the API server adds by itself (conversion, stored names) is not compared. */
const differenceOf = (have: FoundCrd['spec'], want: CustomResourceDefinition['spec']): string | undefined => {
  const [version] = want.versions
  const found = have?.versions.find(({ name }) => name === version?.name)
  if (!found) return `version ${version?.name ?? ''}`
  return (
    firstDifference(found.schema, version?.schema, 'schema') ??
    firstDifference(found.additionalPrinterColumns, version?.additionalPrinterColumns, 'additionalPrinterColumns') ??
    firstDifference(found.selectableFields, version?.selectableFields, 'selectableFields')
  )
}

export const checkCrd = (have: FoundCrd | undefined, want: CustomResourceDefinition): Check => {
  const check = `CRD ${want.spec.names.plural}`
  const apply = 'kubectl apply -f crds/'
  if (!have) return fail(check, `${want.metadata.name} is not installed`, apply)
  const condition = (type: string) => have.status?.conditions?.find((one) => one.type === type)
  const established = condition('Established')
  if (established?.status !== 'True') {
    const why = condition('NamesAccepted')?.message ?? established?.message ?? 'the API server has not accepted it yet'
    return fail(check, `${want.metadata.name} is not established: ${why}`, apply)
  }
  const unstructured = condition('NonStructuralSchema')
  if (unstructured?.status === 'True') return fail(check, unstructured.message ?? 'its schema is not structural', apply)
  const difference = differenceOf(have.spec, want.spec)
  return difference === undefined
    ? ok(check, 'installed, established and current')
    : warn(check, `not the CRD of this version: ${difference.slice(0, 160)} differs`, apply)
}

export const checkPause = (namespace: KubeObject | undefined, name: string): Check => {
  const check = 'stop annotation'
  if (!namespace) {
    return warn(check, `namespace ${name} does not exist`, "set the operator's namespace with --operator-namespace")
  }
  if (!pauses(namespace.metadata)) return ok(check, 'the operator is not paused')
  const [odd] = oddPauses(namespace.metadata)
  const value = odd === undefined ? '' : `; its value ${quote(odd)} is neither "true" nor "false" and counts as true`
  return warn(
    check,
    `the operator is paused by an annotation on namespace ${name}${value}`,
    `kubectl annotate namespace ${name} ${PAUSED_ANNOTATION}-`,
  )
}

const quote = (value: string): string => JSON.stringify(value.slice(0, 40))

const MAX_NAMED = 5

/** Opt-outs of namespaces and nodes whose value is neither `true` nor `false`: they count, but may be a mistake. */
export const checkExcludes = (kind: 'namespace' | 'node', objects: readonly KubeObject[]): readonly Check[] => {
  const odd = objects.filter(({ metadata }) => excludes(metadata) && oddExcludes(metadata).length > 0)
  if (odd.length === 0) return []
  const named = odd
    .slice(0, MAX_NAMED)
    .map(({ metadata }) => `${metadata.name} (${oddExcludes(metadata).map(quote).join(', ')})`)
    .join(', ')
  const more = odd.length > MAX_NAMED ? ` and ${odd.length - MAX_NAMED} more` : ''
  return [
    warn(
      'opt-outs',
      `${EXCLUDE_KEY} is neither "true" nor "false" on ${kind} ${named}${more}: it counts as true`,
      'set it to "true", or remove it',
    ),
  ]
}

/** A lease that its holder should have renewed: the controller is gone, or cannot reach the API server. */
export const checkLease = (leases: readonly Lease[], namespace: string, now: number): Check => {
  const check = 'controller'
  const start = 'start the controller, or set its namespace with --operator-namespace'
  const lease = leases.find(({ metadata }) => metadata.name?.startsWith('podmend'))
  if (!lease) return warn(check, `no controller has a lease in namespace ${namespace}`, start)
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {}
  // The chart makes the lease without a holder.
  if (!holderIdentity && !renewTime) {
    return fail(
      check,
      'no controller has been the leader yet: the lease was never held',
      `wait 30 seconds after an install, then check the pods: kubectl -n ${namespace} get pods`,
    )
  }
  if (!holderIdentity) return fail(check, 'no controller is the leader: the last one released the lease', start)
  const age = now - Date.parse(renewTime ?? '')
  const since = Number.isNaN(age) ? 'at an unknown time' : `${formatDuration(Math.max(0, age))} ago`
  return age <= leaseDurationSeconds * 1_000
    ? ok(check, `${holderIdentity} is the leader and renewed its lease ${since}`)
    : fail(check, `${holderIdentity} holds the lease but renewed it ${since}: it is no longer running`, start)
}

const MODES = ['Enforce', 'Approve', 'Observe'] as const

/** The status of the policies: one check for each with a problem, otherwise one for all. */
export const checkPolicies = (policies: readonly RemediationPolicy[]): readonly Check[] => {
  const check = 'policies'
  if (policies.length === 0) {
    return [warn(check, 'none, so no action is taken', 'apply one of examples/ with kubectl apply -f')]
  }
  const troubles = policies.flatMap(({ metadata, status }): readonly Check[] => {
    const name = `policy ${metadata.name}`
    const condition = (type: string) => status?.conditions?.find((one) => one.type === type)
    const ready = condition('Ready')
    if (!ready || (ready.observedGeneration ?? status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
      return [
        warn(name, 'no controller has processed it since it last changed', 'check that the controller is running'),
      ]
    }
    if (ready.status !== 'True') return [fail(name, ready.message, `kubectl edit rempol ${metadata.name}`)]
    const conflict = condition('Conflicting')
    if (conflict?.status !== 'True') return []
    return [warn(name, conflict.message, 'give one of them another priority')]
  })
  if (troubles.length > 0) return troubles
  const counts = MODES.flatMap((mode) => {
    const count = policies.filter(({ spec }) => (spec.mode ?? 'Observe') === mode).length
    return count === 0 ? [] : [`${count} ${mode}`]
  })
  return [ok(check, `all ${policies.length} valid: ${counts.join(', ')}`)]
}

/** Which Remediation a person decides on, and whether there is something to decide. */
import { UsageError } from '../../config/arguments.ts'
import type { Remediation } from '../../api/kinds.ts'
import { listAll } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { formatTime, parseTime } from '../../model/duration.ts'
import type { Cluster } from '../cluster.ts'
import { type Named, parseNamed, RECORD_KINDS, WORKLOAD_KINDS } from '../object-ref.ts'
import { Refusal } from '../subcommand.ts'

const KINDS = new Map([...RECORD_KINDS, ...WORKLOAD_KINDS])

/** `NAME` of a Remediation, `rem/NAME`, or the workload that it is about, as `deploy/NAME`. Throws `UsageError`. */
export const parseSubject = (positionals: readonly string[]): Named => {
  const [only] = positionals
  if (only === undefined) {
    throw new UsageError(
      'no Remediation given; kubectl get rem -A --field-selector status.phase=AwaitingApproval lists those that await approval',
    )
  }
  return parseNamed(positionals.length === 1 && !only.includes('/') ? ['rem', only] : positionals, KINDS)
}

export const shortHash = (hash: string): string => hash.slice(0, 12)

/** The plan that awaits approval now. */
export const proposedPlan = ({ spec, status }: Remediation): string | undefined =>
  status?.expiresAt !== undefined && spec.approval?.planHash !== status.planHash ? status.planHash : undefined

/** Why there is nothing to decide at `now` (ms since the epoch), in a sentence; undefined where there is. Pure. */
export const whyNot = (record: Remediation, now: number, plan?: string): string | undefined => {
  const { name } = record.metadata
  const { approval } = record.spec
  const { phase = 'new', reason, message, planHash } = record.status ?? {}
  const state = `it is ${phase}${reason === undefined ? '' : ` (${reason})`}${message === undefined ? '' : `, ${message}`}`
  const proposed = proposedPlan(record)
  if (proposed !== undefined) {
    const limit = parseTime(record.status?.expiresAt) ?? now
    if (limit < now) {
      return `approval of plan ${shortHash(proposed)} expired at ${formatTime(limit)}; delete Remediation ${name} to request it again`
    }
    return plan === undefined || proposed.startsWith(plan)
      ? undefined
      : `Remediation ${name} proposes plan ${shortHash(proposed)}, not ${plan}: review it again`
  }
  if (approval !== undefined && approval.planHash === planHash) {
    const why = approval.reason === undefined ? '' : ` (${approval.reason})`
    const verb = approval.decision === 'Approved' ? 'approved' : 'denied'
    return `${approval.by} already ${verb} plan ${shortHash(approval.planHash)} of Remediation ${name}${why}; ${state}`
  }
  return `Remediation ${name} does not await approval: ${state}`
}

export const readRecord = ({ client }: Cluster, namespace: string | undefined, name: string): Promise<Remediation> =>
  client.get<Remediation>(pathOf({ kind: 'Remediation', namespace, name }))

/** Namespaces in which a Remediation of that name is, as far as the user may see. */
const namespacesWith = async ({ client }: Cluster, name: string): Promise<readonly string[]> => {
  try {
    const { items } = await client.list<Remediation>(pathOf({ kind: 'Remediation' }), {
      fieldSelector: `metadata.name=${name}`,
      limit: 10,
    })
    return items.flatMap(({ metadata }) => metadata.namespace ?? [])
  } catch (error) {
    if (!forbidden(error)) throw error
    return []
  }
}

const recordNamed = async (cluster: Cluster, name: string): Promise<Remediation> => {
  try {
    return await readRecord(cluster, cluster.namespace, name)
  } catch (error) {
    if (!notFound(error)) throw error
    const elsewhere = await namespacesWith(cluster, name)
    const hint =
      elsewhere.length > 0
        ? `it exists in namespace ${elsewhere.join(', ')}: choose it with -n`
        : 'kubectl get rem -A lists them'
    throw new Refusal(`Remediation ${name} does not exist in namespace ${cluster.namespace}; ${hint}`)
  }
}

const recordOfWorkload = async (cluster: Cluster, { kind, name }: Named): Promise<Remediation> => {
  const { client, namespace } = cluster
  const { items } = await listAll<Remediation>(client, pathOf({ kind: 'Remediation', namespace }))
  const about = items.filter(({ spec: { target } }) => target.kind === kind && target.name === name)
  const asking = about.filter((record) => proposedPlan(record) !== undefined)
  const [first] = asking
  if (first && asking.length === 1) return first
  const what = `${kind} ${name} in namespace ${namespace}`
  if (asking.length > 1) {
    const names = asking.map(({ metadata }) => `rem/${metadata.name}`).join(', ')
    throw new Refusal(`${asking.length} Remediations of ${what} await approval: choose one of ${names}`)
  }
  const others = about.flatMap((record) => whyNot(record, Date.now()) ?? [])
  throw new Refusal(`no Remediation of ${what} awaits approval${others.length > 0 ? `: ${others.join('; ')}` : ''}`)
}

/** The record that is meant. Throws `Refusal` where there is none, or several. */
export const findRecord = (cluster: Cluster, named: Named): Promise<Remediation> =>
  named.kind === 'Remediation' ? recordNamed(cluster, named.name) : recordOfWorkload(cluster, named)

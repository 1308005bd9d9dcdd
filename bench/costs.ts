/** P5: the requests of one remediation, compared with the least possible. */
import type { AuditedRequest } from './audit.ts'
import type { Remedy } from './objects.ts'
import type { Round } from './round.ts'

interface Need {
  readonly request: string
  readonly least: number
  readonly why: string
}

const READS: readonly Need[] = [
  { request: 'get replicasets', least: 1, why: 'a pod names its ReplicaSet; only the ReplicaSet names the Deployment' },
  {
    request: 'get deployments',
    least: 3,
    why: 'its template, manager and opt-out; its opt-out right before the write, as the record and the intent take time; and again before success is reported',
  },
  {
    request: 'get namespaces',
    least: 3,
    why: "the workload's, for its labels and its opt-out, and again right before the write; and the operator's before the intent, for its pause",
  },
  {
    request: 'get remediationpolicies',
    least: 1,
    why: 'before the intent: a watch may be late or broken when the policy is suspended, edited or deleted',
  },
  { request: 'get nodes', least: 1, why: 'its opt-out, and whether it runs the control plane' },
]

const RECORD: readonly Need[] = [
  { request: 'create remediations', least: 1, why: 'the record with its deterministic name' },
  {
    request: 'update remediations/status',
    least: 3,
    why: 'the intent before the write (the API server ignores the status in a create), the completed write, the outcome',
  },
]

const VERIFICATION: readonly Need[] = [
  { request: 'list pods', least: 1, why: 'verification: the pods of this owner run (healthy pods are not watched)' },
  { request: 'create events', least: 2, why: 'the action and its success, on the workload' },
  {
    request: 'update remediationpolicies/status',
    least: 1,
    why: 'the attempt on the policy, so that deleting a record resets no budget; all changes within a second are one write',
  },
]

export const NECESSARY: Readonly<Record<Remedy, readonly Need[]>> = {
  RecyclePod: [...READS, ...RECORD, { request: 'delete pods', least: 1, why: 'the remedy' }, ...VERIFICATION],
  RewriteImage: [
    ...READS,
    ...RECORD,
    { request: 'patch deployments', least: 2, why: 'a dry run through admission, then the remedy' },
    ...VERIFICATION,
  ],
}

const WATCHED = new Set(['watch'])

/** Constant costs, which depend on time and not on remediations. */
export const isStanding = ({ verb, resource }: AuditedRequest): boolean => WATCHED.has(verb) || resource === 'leases'

export const nameOf = ({ verb, resource, subresource }: AuditedRequest): string =>
  `${verb} ${resource}${subresource && `/${subresource}`}`

export interface Cost {
  readonly request: string
  /** Requests per remediation. */
  readonly made: number
  readonly least: number
  readonly why: string
}

export interface Costs {
  readonly rows: readonly Cost[]
  readonly made: number
  readonly least: number
  readonly succeeded: number
  readonly incidents: number
  /** Paths of LISTs after the start without a label selector. */
  readonly unbounded: readonly string[]
}

export const costsOf = (rounds: readonly Round[], remedy: Remedy): Costs => {
  const incidents = rounds.flatMap((round) => round.incidents)
  const counted = rounds.flatMap(({ contender }) => contender).filter((request) => !isStanding(request))
  const made = new Map<string, number>()
  for (const request of counted) made.set(nameOf(request), (made.get(nameOf(request)) ?? 0) + 1 / incidents.length)
  const needs = NECESSARY[remedy]
  const names = [...new Set([...needs.map(({ request }) => request), ...made.keys()])]
  const rows = names.map((request) => {
    const need = needs.find((each) => each.request === request)
    return { request, made: made.get(request) ?? 0, least: need?.least ?? 0, why: need?.why ?? 'not necessary' }
  })
  return {
    rows,
    made: counted.length / incidents.length,
    least: needs.reduce((sum, { least }) => sum + least, 0),
    succeeded: rounds.reduce((sum, { succeeded }) => sum + succeeded, 0),
    incidents: incidents.length,
    unbounded: counted.flatMap(({ verb, uri }) => (verb === 'list' && !uri.includes('labelSelector=') ? [uri] : [])),
  }
}

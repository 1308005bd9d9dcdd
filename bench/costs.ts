/** P5: what one remediation costs in requests, beside the least that it could. */
import type { AuditedRequest } from './audit.ts'
import type { Remedy } from './objects.ts'
import type { Round } from './round.ts'

interface Need {
  readonly request: string
  readonly least: number
  readonly why: string
}

const READS: readonly Need[] = [
  { request: 'get replicasets', least: 1, why: 'a pod names its ReplicaSet, only that names the Deployment' },
  {
    request: 'get deployments',
    least: 2,
    why: 'its template, who manages it, its opt-out; and whether it still is so when success is claimed',
  },
  { request: 'get namespaces', least: 1, why: 'its labels and its opt-out' },
  { request: 'get nodes', least: 1, why: 'its opt-out, and whether it runs the control plane' },
]

const RECORD: readonly Need[] = [
  { request: 'create remediations', least: 1, why: 'the record under its deterministic name' },
  {
    request: 'update remediations/status',
    least: 3,
    why: 'the intent before the write (an API server ignores the status in a create), that it was written, the outcome',
  },
]

const PROOF: readonly Need[] = [
  { request: 'list pods', least: 1, why: 'proof: the pods of this one owner run (healthy pods are not watched)' },
  { request: 'create events', least: 2, why: 'what was done, and that it helped, on the workload' },
  {
    request: 'update remediationpolicies/status',
    least: 1,
    why: 'the attempt on the policy: deleting a record resets no budget; within a second all news are one write',
  },
]

export const NECESSARY: Readonly<Record<Remedy, readonly Need[]>> = {
  RecyclePod: [...READS, ...RECORD, { request: 'delete pods', least: 1, why: 'the remedy' }, ...PROOF],
  RewriteImage: [
    ...READS,
    ...RECORD,
    { request: 'patch deployments', least: 2, why: 'a dry run through admission, then the remedy' },
    ...PROOF,
  ],
}

const WATCHED = new Set(['watch'])

/** Standing costs, which go with time and not with remediations. */
const isStanding = ({ verb, resource }: AuditedRequest): boolean => WATCHED.has(verb) || resource === 'leases'

const nameOf = ({ verb, resource, subresource }: AuditedRequest): string =>
  `${verb} ${resource}${subresource && `/${subresource}`}`

export interface Cost {
  readonly request: string
  /** Requests a remediation. */
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
  /** LISTs after the start that no selector bounds; their paths. */
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

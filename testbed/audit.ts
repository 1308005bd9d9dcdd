/** What one identity wrote, by the API server's own audit log. */
import { readFileSync } from 'node:fs'

/** The part of an audit event that is read. */
export interface AuditEvent {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly objectRef?: {
    readonly apiGroup?: string
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
}

export interface Write {
  readonly verb: string
  /** `deployments.apps`, `remediations.podmend.io/status`, `events`. */
  readonly resource: string
  /** `namespace/name`, or the name alone of what has no namespace. */
  readonly object: string
  readonly dryRun: boolean
  readonly status: number
}

const WRITING = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

export const isWrite = ({ verb }: Pick<AuditEvent, 'verb'>): boolean => WRITING.has(verb)

/** Depend on time alone. */
const BY_TIME = new Set(['watch', 'list'])

/** What a request did, by kind. */
export const requestOf = ({
  verb,
  requestURI,
  objectRef: { apiGroup, resource = '', subresource } = {},
  responseStatus,
}: AuditEvent): Omit<Write, 'object'> => ({
  verb,
  resource: `${resource}${apiGroup ? `.${apiGroup}` : ''}${subresource ? `/${subresource}` : ''}`,
  dryRun: /[?&]dryRun=All/.test(requestURI),
  status: responseStatus?.code ?? 0,
})

const writeOf = (event: AuditEvent): Write => {
  const { namespace, name = '' } = event.objectRef ?? {}
  return { ...requestOf(event), object: namespace === undefined ? name : `${namespace}/${name}` }
}

/** Every write of a user in an audit log's text, refused ones too, oldest first. */
export const writesIn = (log: string, username: string): Write[] =>
  log
    .split('\n')
    .filter((line) => line.endsWith('}') && line.includes(username))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter((event) => event.user.username === username && isWrite(event))
    .map(writeOf)

/**
 * Number of requests of a user in an audit log's text by verb, resource and status, such as `create events 201`. Watches,
 * lists and leases are left out: they depend on time.
 */
export const requestsIn = (log: string, username: string): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const line of log.split('\n')) {
    if (!line.endsWith('}') || !line.includes(username)) continue
    const event = JSON.parse(line) as AuditEvent
    const { resource, status } = writeOf(event)
    if (event.user.username !== username || BY_TIME.has(event.verb) || resource.startsWith('leases.')) continue
    const what = `${event.verb} ${resource} ${status}`
    counts[what] = (counts[what] ?? 0) + 1
  }
  return counts
}

export const readWrites = (path: string, username: string): Write[] => writesIn(readFileSync(path, 'utf8'), username)

const BOOKKEEPING = new Set([
  'events',
  'leases.coordination.k8s.io',
  'remediations.podmend.io',
  'remediations.podmend.io/status',
  'remediationpolicies.podmend.io/status',
  // A question in the form of a write: may I do this?
  'selfsubjectaccessreviews.authorization.k8s.io',
])

/** Whether a write is to the operator's own objects: its records, policies' status, Events, its lease. */
export const isBookkeeping = ({ resource }: Write): boolean => BOOKKEEPING.has(resource)

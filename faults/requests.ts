/** What a request to the API server asks for, and the name by which a fault finds it again in another run. */
import { parsePath } from '../src/kube/paths.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'

export interface ApiRequest {
  readonly verb: Verb
  /** `deployments.apps`, `remediations.podmend.io/status`, `events`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly dryRun: boolean
  /** Path and query as the client sent them. */
  readonly url: string
}

const WRITES: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

export const parseRequest = (method: string, url: string): ApiRequest => {
  const [path = '', query = ''] = url.split('?')
  const { group = '', resource = path, subresource, namespace, name } = parsePath(path) ?? {}
  const params = new URLSearchParams(query)
  const watching = params.get('watch') === 'true' || params.get('watch') === '1'
  return {
    verb: WRITES[method] ?? (watching ? 'watch' : name === undefined ? 'list' : 'get'),
    resource: `${resource}${group && `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`,
    namespace,
    name,
    dryRun: params.get('dryRun') === 'All',
    url,
  }
}

/** Renewing the lease goes on for ever; it is neither counted nor numbered. */
export const isLease = ({ resource }: ApiRequest): boolean => resource === 'leases.coordination.k8s.io'

/** Without its number: `patch deployments.apps dry`. Names of objects differ between runs and are left out. */
export const kindOf = ({ verb, resource, dryRun }: ApiRequest): string => `${verb} ${resource}${dryRun ? ' dry' : ''}`

/** Numbers the requests of one run, each kind from 1: which comes first among different kinds may differ between runs. */
export const createNumbering = () => {
  const counts = new Map<string, number>()
  return (request: ApiRequest): string => {
    const kind = kindOf(request)
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    return `${kind}#${count}`
  }
}

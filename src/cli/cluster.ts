import { createKubeClient, type KubeClient } from '../kube/client.ts'
import { loadKubeConnection } from '../kube/connection.ts'
import { KubeError } from '../kube/errors.ts'
import { parsePath } from '../kube/paths.ts'
import type { Options, Values } from './subcommand.ts'
import type { Terminal } from './terminal.ts'
import { readVersion } from './version.ts'

/** How to reach a cluster, as kubectl names it. */
export const CLUSTER_OPTIONS = {
  context: { type: 'string', value: 'NAME', help: 'context in the kubeconfig (default: the current one)' },
  kubeconfig: { type: 'string', value: 'FILE', help: 'kubeconfig file (default: KUBECONFIG, then ~/.kube/config)' },
} as const satisfies Options

export const NAMESPACE_OPTION = {
  namespace: { type: 'string', short: 'n', value: 'NAME', help: "namespace (default: the context's)" },
} as const satisfies Options

/** A right that the user turned out not to have, as RBAC names it. */
export interface MissingRight {
  readonly verb: string
  /** With its group, e.g. `deployments.apps`. */
  readonly resource: string
  /** Absent: in the whole cluster. */
  readonly namespace?: string
}

/** One cluster, as one user sees it. */
export interface Cluster {
  readonly client: KubeClient
  /** The API server's address. */
  readonly server: string
  readonly contextName?: string
  /** Namespace of the command: `-n`, else the context's, else `default`. */
  readonly namespace: string
  /** Everything that was refused so far for want of a right, each once. */
  readonly missingRights: () => readonly MissingRight[]
}

const rightOf = (verb: string, path: string): MissingRight | undefined => {
  const parsed = parsePath(path)
  if (!parsed) return undefined
  const { group, resource, subresource, namespace } = parsed
  const name = `${resource}${subresource === undefined ? '' : `/${subresource}`}${group && `.${group}`}`
  return { verb, resource: name, ...(namespace !== undefined && { namespace }) }
}

/** `get deployments.apps in namespace web`. */
export const describeRight = ({ verb, resource, namespace }: MissingRight): string =>
  `${verb} ${resource} ${namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`}`

type ClusterValues = Values<typeof CLUSTER_OPTIONS> & Values<typeof NAMESPACE_OPTION>

/** Does something with the cluster that kubectl would talk to; connections are closed afterwards. */
export const withCluster = async <T>(
  { context, kubeconfig, namespace }: ClusterValues,
  { environment }: Terminal,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> => {
  const connection = await loadKubeConnection({ context, kubeconfig, environment })
  const refused = new Map<string, MissingRight>()
  const ended = new AbortController()
  const client = createKubeClient(connection, {
    userAgent: `kubectl-mend/${await readVersion()}`,
    signal: ended.signal,
    onRequest: ({ verb, path, status }) => {
      const right = status === 403 ? rightOf(verb, path) : undefined
      if (right) refused.set(describeRight(right), right)
    },
  })
  const { contextName } = connection
  const server = connection.server.href.replace(/\/$/, '')
  try {
    return await use({
      client,
      server,
      ...(contextName !== undefined && { contextName }),
      namespace: namespace ?? connection.namespace ?? 'default',
      missingRights: () => [...refused.values()],
    })
  } catch (error) {
    const about = contextName === undefined ? '' : ` of context ${contextName}`
    if (error instanceof KubeError && error.status === 0) {
      throw new Error(`the API server ${server}${about} does not answer`, { cause: error })
    }
    if (error instanceof KubeError && error.status === 401) {
      throw new Error(`the API server ${server}${about} rejects the credentials`, { cause: error })
    }
    throw error
  } finally {
    ended.abort()
  }
}

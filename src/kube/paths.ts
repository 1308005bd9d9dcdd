import { forbidden, kubeErrorOf, notFound, Terminal } from './errors.ts'

interface Kind {
  readonly plural: string
  readonly apiVersion: string
  readonly clusterScoped?: true
}

const KINDS: Readonly<Record<string, Kind>> = {
  Pod: { plural: 'pods', apiVersion: 'v1' },
  Event: { plural: 'events', apiVersion: 'v1' },
  Secret: { plural: 'secrets', apiVersion: 'v1' },
  ConfigMap: { plural: 'configmaps', apiVersion: 'v1' },
  Service: { plural: 'services', apiVersion: 'v1' },
  ServiceAccount: { plural: 'serviceaccounts', apiVersion: 'v1' },
  PersistentVolume: { plural: 'persistentvolumes', apiVersion: 'v1' },
  PersistentVolumeClaim: { plural: 'persistentvolumeclaims', apiVersion: 'v1' },
  ReplicationController: { plural: 'replicationcontrollers', apiVersion: 'v1' },
  Node: { plural: 'nodes', apiVersion: 'v1', clusterScoped: true },
  Namespace: { plural: 'namespaces', apiVersion: 'v1', clusterScoped: true },
  Deployment: { plural: 'deployments', apiVersion: 'apps/v1' },
  ReplicaSet: { plural: 'replicasets', apiVersion: 'apps/v1' },
  StatefulSet: { plural: 'statefulsets', apiVersion: 'apps/v1' },
  DaemonSet: { plural: 'daemonsets', apiVersion: 'apps/v1' },
  ControllerRevision: { plural: 'controllerrevisions', apiVersion: 'apps/v1' },
  Job: { plural: 'jobs', apiVersion: 'batch/v1' },
  CronJob: { plural: 'cronjobs', apiVersion: 'batch/v1' },
  Lease: { plural: 'leases', apiVersion: 'coordination.k8s.io/v1' },
  PodDisruptionBudget: { plural: 'poddisruptionbudgets', apiVersion: 'policy/v1' },
  SelfSubjectAccessReview: {
    plural: 'selfsubjectaccessreviews',
    apiVersion: 'authorization.k8s.io/v1',
    clusterScoped: true,
  },
  SelfSubjectReview: { plural: 'selfsubjectreviews', apiVersion: 'authentication.k8s.io/v1', clusterScoped: true },
  CustomResourceDefinition: {
    plural: 'customresourcedefinitions',
    apiVersion: 'apiextensions.k8s.io/v1',
    clusterScoped: true,
  },
  ClusterRole: { plural: 'clusterroles', apiVersion: 'rbac.authorization.k8s.io/v1', clusterScoped: true },
  ClusterRoleBinding: {
    plural: 'clusterrolebindings',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    clusterScoped: true,
  },
  Role: { plural: 'roles', apiVersion: 'rbac.authorization.k8s.io/v1' },
  RoleBinding: { plural: 'rolebindings', apiVersion: 'rbac.authorization.k8s.io/v1' },
  RemediationPolicy: { plural: 'remediationpolicies', apiVersion: 'podmend.io/v1alpha1', clusterScoped: true },
  Remediation: { plural: 'remediations', apiVersion: 'podmend.io/v1alpha1' },
  NodeTask: { plural: 'nodetasks', apiVersion: 'podmend.io/v1alpha1' },
}

/** The parts of a resource path. A namespaced kind without a namespace means the collection in all namespaces. */
export interface PathParts {
  /** Default: the kind's entry in the table above. */
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  /** Required for kinds that are not in the table above. */
  readonly plural?: string | undefined
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

/**
 * The API server decodes escaped slashes in URLs, so a name that contains one would address another resource, and a pod
 * may name such a pull secret. The rule is the API server's own for path segments.
 */
const segment = (what: string, value: string): string => {
  if (value === '' || value === '.' || value === '..' || /[/%\p{Cc}]/u.test(value)) {
    throw new Terminal(`"${value.slice(0, 80)}" cannot be the ${what} of a Kubernetes object`)
  }
  return encodeURIComponent(value)
}

/** The path of a collection or, with a name, of an object. Throws `Terminal` on an unknown kind or an invalid name. */
export const pathOf = ({ apiVersion, kind, plural, namespace, name, subresource }: PathParts): string => {
  const known = kind === undefined ? undefined : KINDS[kind]
  const resource = plural ?? known?.plural
  const version = apiVersion ?? known?.apiVersion
  if (!resource || !version)
    throw new Terminal(`kind ${kind ?? '(none)'} is not known: its plural and API version are needed`)
  const parts = [version.includes('/') ? `/apis/${version}` : `/api/${version}`]
  if (namespace !== undefined && !known?.clusterScoped) parts.push('namespaces', segment('namespace', namespace))
  parts.push(segment('resource', resource))
  if (name !== undefined) parts.push(segment('name', name))
  if (subresource !== undefined) parts.push(segment('subresource', subresource))
  return parts.join('/')
}

export interface ParsedPath {
  readonly group: string
  readonly resource: string
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

/** The resource that a path addresses; undefined for other paths, such as `/version`. */
export const parsePath = (path: string): ParsedPath | undefined => {
  const match = /^\/(?:api|apis\/(?<group>[^/]+))\/[^/]+\/(?<rest>[^?]+)/.exec(path)
  const rest = match?.groups?.['rest']?.split('/').map((part) => decodeURIComponent(part))
  if (!rest?.[0]) return undefined
  const namespaced = rest[0] === 'namespaces' && rest.length > 2
  const [resource, name, subresource] = namespaced ? rest.slice(2) : rest
  return {
    group: match?.groups?.['group'] ?? '',
    resource: resource ?? '',
    ...(namespaced && rest[1] !== undefined && { namespace: rest[1] }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
  }
}

/** Accepts the metadata alone, e.g. of a ReplicaSet that is read only for the name of its owner. */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]?.slice(0, 300) ?? ''

/** Why an object could not be read, in a sentence; a missing right is named as RBAC names it. */
export const whyUnread = (path: string, error: unknown): string => {
  const { group, resource = 'the object', namespace, name } = parsePath(path) ?? {}
  const kind = group ? `${resource}.${group}` : resource
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  if (kubeErrorOf(error)?.reason === 'NotRecorded') return `${kind} are not in the recording`
  if (forbidden(error)) {
    const verb = kubeErrorOf(error)?.verb ?? (name === undefined ? 'list' : 'get')
    return `the right to ${verb} ${kind}${where} is missing`
  }
  if (notFound(error)) return `${kind} ${name ?? ''}${where} does not exist`
  return `reading ${kind}${name === undefined ? '' : ` ${name}`}${where} failed: ${firstLine(error)}`
}

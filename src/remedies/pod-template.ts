/** Locates a failing container in the object to write: the owner's pod template, or the bare pod itself. */
import { parseTime } from '../model/duration.ts'
import type { Owner } from '../model/incident.ts'
import type { Container, ContainerStatus, ManagedFieldsEntry, Pod } from '../model/kubernetes.ts'

export interface Placed {
  readonly container: Container
  /** JSON pointer in the object, e.g. `/spec/template/spec/containers/0`. */
  readonly pointer: string
  /** The image's exact text; empty if the template omits it. */
  readonly image: string
}

/** Containers are identified by name and kind: an init container and a regular one never share a name, but may swap roles. */
export interface Named {
  readonly container: string
  readonly init: boolean
}

/** Path of the pod spec in an object of each kind. */
export const podSpecPath = (kind: string): readonly string[] => {
  switch (kind) {
    case 'Pod':
      return ['spec']
    case 'CronJob':
      return ['spec', 'jobTemplate', 'spec', 'template', 'spec']
    default:
      return ['spec', 'template', 'spec']
  }
}

interface Containers {
  readonly containers?: readonly Container[]
  readonly initContainers?: readonly Container[]
}

const placeIn = (kind: string, spec: Containers, { container: name, init }: Named): Placed | undefined => {
  const list = (init ? spec.initContainers : spec.containers) ?? []
  const index = list.findIndex((container) => container.name === name)
  const container = list[index]
  if (!container) return undefined
  const root = podSpecPath(kind).join('/')
  return {
    container,
    pointer: `/${root}/${init ? 'initContainers' : 'containers'}/${index}`,
    image: container.image ?? '',
  }
}

/** The container in the owner's template; undefined if it is not there, as with a sidecar from a webhook. */
export const placeOf = (owner: Owner, named: Named): Placed | undefined => placeIn(owner.ref.kind, owner, named)

/** The container in a pod itself. */
export const placeInPod = ({ spec = {} }: Pod, named: Named): Placed | undefined => placeIn('Pod', spec, named)

/** `Deployment kube-system/coredns`. */
export const nameOfOwner = ({ ref }: Owner): string =>
  `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`

/** Why an owner is of an unsupported kind; undefined for supported ones. */
export const sayUntouched = (owner: Owner): string | undefined =>
  owner.support === 'unsupported' ? (owner.why ?? `${nameOfOwner(owner)} is of a kind that is not touched`) : undefined

/** Image of a container in the pod's spec; undefined if the pod has no such container. */
export const imageIn = ({ spec }: Pod, { container, init }: Named): string | undefined =>
  ((init ? spec?.initContainers : spec?.containers) ?? []).find(({ name }) => name === container)?.image

/** Status of a container; undefined if the kubelet has not reported one. */
export const statusIn = ({ status }: Pod, { container, init }: Named): ContainerStatus | undefined =>
  ((init ? status?.initContainerStatuses : status?.containerStatuses) ?? []).find(({ name }) => name === container)

/** Whether a container waits to start; also true without a status. */
export const waits = (pod: Pod, named: Named): boolean => {
  const state = statusIn(pod, named)?.state
  return state?.running === undefined && state?.terminated === undefined
}

/** Whether a pod is terminating or has ended, so that it does not count for verification. */
export const isLeaving = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined || status?.phase === 'Failed'

// Who wrote a container's image last, by the owner's managedFields.

const at = (fields: unknown, key: string): unknown =>
  typeof fields === 'object' && fields !== null && Object.hasOwn(fields, key)
    ? (fields as Readonly<Record<string, unknown>>)[key]
    : undefined

const ownsImage = ({ fieldsV1 }: ManagedFieldsEntry, { ref }: Owner, { container, init }: Named): boolean => {
  const path = [
    ...podSpecPath(ref.kind).map((part) => `f:${part}`),
    init ? 'f:initContainers' : 'f:containers',
    `k:${JSON.stringify({ name: container })}`,
    'f:image',
  ]
  return path.reduce(at, fieldsV1) !== undefined
}

/** The manager that wrote the image last; undefined where none is recorded. */
const lastWriter = (owner: Owner, named: Named): ManagedFieldsEntry | undefined =>
  owner.managedFields
    .filter((entry) => entry.subresource === undefined || entry.subresource === '')
    .filter((entry) => ownsImage(entry, owner, named))
    .toSorted((a, b) => (parseTime(b.time) ?? 0) - (parseTime(a.time) ?? 0))[0]

/** The times are whole seconds, and the API servers of one control plane have clocks of their own. */
const TOO_CLOSE_MS = 1_000

/**
 * Whether the image was written after that time, ms since the epoch by the API server's clock; undefined if managedFields do
 * not tell, or if the times are too close.
 */
export const writtenAfter = (owner: Owner, named: Named, since: number | undefined): boolean | undefined => {
  const wrote = parseTime(lastWriter(owner, named)?.time)
  if (wrote === undefined || since === undefined || Math.abs(wrote - since) <= TOO_CLOSE_MS) return undefined
  return wrote > since
}

/** `kubectl-edit at 2026-01-02T03:04:05Z`, for a sentence. */
export const sayWriter = (owner: Owner, named: Named): string => {
  const writer = lastWriter(owner, named)
  return writer ? `${writer.manager ?? 'someone'}${writer.time ? ` at ${writer.time}` : ''}` : 'someone'
}

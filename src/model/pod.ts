/** What the status of a pod reports about its startup. */
import type { ContainerStatus, ObjectMeta, Pod } from './kubernetes.ts'

/** The immutable identity of a pod. */
export interface PodRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export const podRefOf = ({ metadata: { namespace = '', name, uid } }: Pod): PodRef => ({ namespace, name, uid })

/**
 * Key of a pod in maps and queues. An Event may carry any uid, so the uid alone identifies nothing. A node that represents
 * itself has no namespace, and no tenant names one: its uid is enough.
 */
export const podKey = ({ namespace, name, uid }: Pick<ObjectMeta, 'namespace' | 'name' | 'uid'>): string =>
  namespace === undefined ? uid : `${namespace}/${name}/${uid}`

/** Waiting reasons of a container that is merely starting. */
const STARTING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])

/** Statuses of init containers, then of containers. */
export const containerStatuses = ({ status }: Pod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
]

/** Whether a container waits for something other than earlier containers. */
export const hasBlockedContainer = (pod: Pod): boolean =>
  containerStatuses(pod).some(
    ({ state }) => state?.waiting?.reason !== undefined && !STARTING.has(state.waiting.reason),
  )

/** Whether the kubelet reports that something prevents the pod from starting: a container, or its sandbox. */
export const isBlocked = (pod: Pod): boolean => {
  const has = (type: string, value: string) =>
    pod.status?.conditions?.some((condition) => condition.type === type && condition.status === value) ?? false
  return !has('Ready', 'True') && (has('PodReadyToStartContainers', 'False') || hasBlockedContainer(pod))
}

const DIGEST = /sha256:[0-9a-f]{64}/

/** Digests of the running images by container, as reported by the kubelet; waiting containers have none. */
export const runningDigests = (pods: readonly Pod[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    pods.flatMap((pod) =>
      containerStatuses(pod).flatMap(({ name, imageID, state }) => {
        const digest = state?.waiting ? undefined : DIGEST.exec(imageID ?? '')?.[0]
        return digest === undefined ? [] : [[name, digest] as const]
      }),
    ),
  )

/** Whether a node takes the place of a pod, because the kubelet itself reports the failure. */
export const isNodeItself = ({ kind }: Pod): boolean => kind === 'Node'

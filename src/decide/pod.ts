import type { ContainerStatus, Pod } from '../api/kubernetes.ts'
import type { Named } from './template.ts'

/** Image of a container as the pod's spec has it; undefined where the pod has no such container. */
export const imageIn = ({ spec }: Pod, { container, init }: Named): string | undefined =>
  ((init ? spec?.initContainers : spec?.containers) ?? []).find(({ name }) => name === container)?.image

/** What the kubelet says of a container; undefined where it said nothing yet. */
export const statusIn = ({ status }: Pod, { container, init }: Named): ContainerStatus | undefined =>
  ((init ? status?.initContainerStatuses : status?.containerStatuses) ?? []).find(({ name }) => name === container)

/** Whether a container waits to start; one of which the kubelet said nothing yet does too. */
export const waits = (pod: Pod, named: Named): boolean => {
  const state = statusIn(pod, named)?.state
  return state?.running === undefined && state?.terminated === undefined
}

/** Whether a pod is on its way out, or ended without being asked to: it neither proves nor disproves anything. */
export const isLeaving = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined || status?.phase === 'Failed'

import type { Node } from '../api/kubernetes.ts'
import { CONTROL_PLANE_LABELS } from '../api/names.ts'
import type { NodeFacts } from './incident.ts'

/** A node as read, in the shape that decisions need. */
export const nodeFacts = ({ metadata, spec, status }: Node): NodeFacts => {
  const labels = metadata.labels ?? {}
  const info = status?.nodeInfo
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    unschedulable: spec?.unschedulable ?? false,
    conditions: (status?.conditions ?? []).map(({ type, status: is, reason, message, lastTransitionTime }) => ({
      type,
      status: is,
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
      ...(lastTransitionTime !== undefined && { lastTransitionTime }),
    })),
    labels,
    annotations: metadata.annotations ?? {},
    taints: spec?.taints ?? [],
    platform: info?.operatingSystem && info.architecture ? `${info.operatingSystem}/${info.architecture}` : '',
    controlPlane: CONTROL_PLANE_LABELS.some((label) => labels[label] !== undefined),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    ...(info?.containerRuntimeVersion !== undefined && { runtimeVersion: info.containerRuntimeVersion }),
  }
}

import type { Node } from '../api/kubernetes.ts'
import { CONTROL_PLANE_LABELS, EXCLUDE_KEY } from '../api/names.ts'

/** Longest message of a condition that is kept, in characters. */
const MAX_MESSAGE = 1_024

/** What is kept of a node: a few hundred bytes; images, volumes, addresses and heartbeats are left behind. */
export interface NodeSighting {
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  /** Only the opt-out, where it is there. */
  readonly annotations: Readonly<Record<string, string>>
  readonly controlPlane: boolean
  /** Cordoned. */
  readonly unschedulable: boolean
  readonly ready: boolean
  /** The condition Ready; absent where the kubelet never wrote one. */
  readonly readiness?: {
    readonly status: string
    readonly reason: string
    readonly message: string
    /** RFC 3339; empty where the condition has none. */
    readonly since: string
  }
}

/** Line by line what a decision reads of a node at any time; what a heartbeat changes is not among it. */
export const nodeSighting = ({ metadata, spec, status }: Node): NodeSighting => {
  const labels = metadata.labels ?? {}
  const excluded = metadata.annotations?.[EXCLUDE_KEY]
  const condition = status?.conditions?.find(({ type }) => type === 'Ready')
  return {
    name: metadata.name,
    uid: metadata.uid,
    labels,
    annotations: excluded === undefined ? {} : { [EXCLUDE_KEY]: excluded },
    controlPlane: CONTROL_PLANE_LABELS.some((label) => labels[label] !== undefined),
    unschedulable: spec?.unschedulable ?? false,
    ready: condition?.status === 'True',
    ...(condition && {
      readiness: {
        status: condition.status,
        reason: condition.reason ?? '',
        message: (condition.message ?? '').slice(0, MAX_MESSAGE),
        since: condition.lastTransitionTime ?? '',
      },
    }),
  }
}

/** Whether pods on a node got over what a remedy of the node was for. */
import type { Pod } from '../../api/kubernetes.ts'
import { parseTime } from '../../api/time.ts'
import type { RemediationStep } from '../../api/remediation.ts'
import { isLeaving } from '../pod.ts'
import type { Started } from '../started.ts'

type StepPods = NonNullable<RemediationStep['pods']>

/** Since when the kubelet says that the pod's sandbox is there and its volumes are mounted; else when a container started. */
const readySince = ({ status }: Pod): number | undefined => {
  const condition = status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')
  if (condition) return condition.status === 'True' ? (parseTime(condition.lastTransitionTime) ?? 0) : undefined
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  const starts = containers.flatMap(({ state, lastState }) => {
    const at = parseTime(state?.running?.startedAt) ?? (state?.terminated || lastState?.terminated ? 0 : undefined)
    return at === undefined ? [] : [at]
  })
  return starts.length > 0 ? Math.min(...starts) : undefined
}

const nameOf = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`

/**
 * Each of the pods is gone, or can start its containers; since the last of them can, ms since the epoch. `all`: every pod
 * on the node.
 */
export const podsRecovered = (named: StepPods | undefined, all: readonly Pod[]): Started => {
  const uids = new Set(named?.map(({ uid }) => uid))
  const there = all.filter((pod) => uids.has(pod.metadata.uid) && !isLeaving(pod) && pod.status?.phase !== 'Succeeded')
  const waiting = there.find((pod) => readySince(pod) === undefined)
  if (waiting) return { lacks: `pod ${nameOf(waiting)} cannot start its containers yet` }
  return { since: Math.max(0, ...there.map((pod) => readySince(pod) ?? 0)) }
}

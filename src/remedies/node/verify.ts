/** Shared code for the verification of node remedies: whether pods recovered from the failure of their node. */
import type { RemediationStep } from '../../api/remediation.ts'
import { askFor, type DecisionInput, LATER } from '../../model/decision-input.ts'
import { parseTime } from '../../model/duration.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { isLeaving } from '../pod-template.ts'
import type { Progress } from '../remedy.ts'
import type { Started } from '../running-pods.ts'

/** Result from all pods of the node. */
export const withNodePods = (c: DecisionInput, judge: (pods: readonly Pod[]) => Progress): Progress => {
  const ask = askFor(c.facts, [{ fact: 'nodePods' }])
  if (ask) return ask
  const { nodePods } = c.facts
  if (nodePods?.known) return judge(nodePods.value)
  return { lacks: `the pods of the node cannot be read: ${nodePods?.why ?? 'not read'}`, nextCheckAt: c.now + LATER }
}

/** Whether the pods that the step was for recovered. */
export const recovery = ({ pods = [] }: RemediationStep, started: Started): Progress => {
  if ('lacks' in started) return started
  const what =
    pods.length === 0
      ? 'the node has not failed'
      : pods.length === 1
        ? `pod ${pods[0]?.name} has not failed`
        : `none of the ${pods.length} pods has failed`
  return { ...started, recovered: what }
}

type StepPods = NonNullable<RemediationStep['pods']>

/** Since when the pod's sandbox exists and its volumes are mounted, from its conditions; otherwise when a container started. */
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
 * Whether each of the pods is gone or can start its containers; since when the last one can, ms since the epoch. `all`:
 * every pod on the node.
 */
export const podsRecovered = (named: StepPods | undefined, all: readonly Pod[]): Started => {
  const uids = new Set(named?.map(({ uid }) => uid))
  const there = all.filter((pod) => uids.has(pod.metadata.uid) && !isLeaving(pod) && pod.status?.phase !== 'Succeeded')
  const waiting = there.find((pod) => readySince(pod) === undefined)
  if (waiting) return { lacks: `pod ${nameOf(waiting)} cannot start its containers yet` }
  return { since: Math.max(0, ...there.map((pod) => readySince(pod) ?? 0)) }
}

/** Shared code for the plans of node remedies. */
import { createHash } from 'node:crypto'
import type { NodeInspection } from '../../api/node-task.ts'
import type { ApplicablePolicy, DecisionInput, Matched } from '../../model/decision-input.ts'
import { parseDuration } from '../../model/duration.ts'
import type { Fact, Facts } from '../../model/incident.ts'
import type { ObjectRef } from '../../model/kubernetes.ts'
import type { NodeRuntime } from '../../model/node-tasks.ts'
import type { PodOnNode } from '../../model/plan.ts'
import { isNodeItself } from '../../model/pod.ts'
import type { ActionStep } from '../remedy.ts'
import { leaveOut } from '../text.ts'

/** Maximum number of tasks on one record. */
export const MAX_NODE_PODS = 64
const MAX_PODS_SHOWN = 20

/** The pods that the policy matches, without duplicates, sorted by name; excludes the node itself. */
export const podsOnNode = ({ matched }: Pick<ApplicablePolicy, 'matched'>): readonly PodOnNode[] => {
  const pods = matched
    .map(({ failing }) => failing.pod)
    .filter((pod) => !isNodeItself(pod) && pod.metadata.deletionTimestamp === undefined)
    .map(({ metadata: { namespace = '', name, uid } }) => ({ namespace, name, uid }))
  const nameOf = ({ namespace, name }: PodOnNode): string => `${namespace}/${name}`
  return [...new Map(pods.map((pod) => [pod.uid, pod])).values()]
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .slice(0, MAX_NODE_PODS)
}

/** The first detail that the messages name, such as a file system type, and the findings about that one. */
export const aboutOneDetail = ({ matched }: ApplicablePolicy) => {
  const detail = matched.find(({ finding }) => finding.detail)?.finding.detail
  const isOther = ({ finding }: Matched): boolean => finding.detail !== undefined && finding.detail !== detail
  return {
    detail,
    matched: matched.filter((one) => !isOther(one)),
    others: leaveOut(matched.filter(isOther), ({ finding }) => `its message names ${finding.detail}, not ${detail}`),
  }
}

export interface NodeBase {
  readonly index: number
  readonly timeoutMs: number
  readonly target: ObjectRef
  readonly pods: readonly PodOnNode[]
  readonly hash: string
}

/** `what`: everything that identifies the plan; an approval covers only that. */
export const nodeBase = (
  { incident: { owner, area } }: DecisionInput,
  { policy }: Pick<ApplicablePolicy, 'policy'>,
  { action, index }: ActionStep,
  { pods, what }: { readonly pods: readonly PodOnNode[]; readonly what: readonly string[] },
): NodeBase => ({
  index,
  timeoutMs: parseDuration(action.timeout),
  target: owner.ref,
  pods,
  hash: createHash('sha256')
    .update(JSON.stringify([policy.uid, policy.generation, action.type, owner.ref.uid, area, ...what]))
    .digest('hex'),
})

/** The actions on a node as lines of a diff (`!` if no object changes), and the pods concerned. */
export const nodeDiff = ({ name }: ObjectRef, lines: readonly string[], pods: readonly PodOnNode[]): string => {
  const whose = pods.length > 0 ? ['@@ for these pods @@', ...podLines(pods)] : []
  return [`@@ node/${name} @@`, ...lines, ...whose].join('\n')
}

/** Pods as lines of a diff, the first of many. */
export const podLines = (pods: readonly PodOnNode[]): readonly string[] => {
  const shown = pods
    .slice(0, MAX_PODS_SHOWN)
    .map(({ namespace, name, uid }) => `  pod/${namespace}/${name} (uid ${uid})`)
  return pods.length > shown.length ? [...shown, `  and ${pods.length - shown.length} more`] : shown
}

/** `containerd`, `crio` or `docker` from the name in the CRI or from the kubelet; undefined for others. */
const runtimeNamed = (name: string | undefined): NodeRuntime | undefined => {
  const runtime = name?.toLowerCase().replace('cri-o', 'crio').split(':')[0]
  return runtime === 'containerd' || runtime === 'crio' || runtime === 'docker' ? runtime : undefined
}

/** The runtime of the node, as reported by the kubelet or the agent. */
export const kubeletsRuntime = ({ node, inspection }: Facts): NodeRuntime | undefined =>
  runtimeNamed(node?.known ? node.value.runtimeVersion : undefined) ??
  runtimeNamed(inspection?.known ? inspection.value.runtime.name : undefined)

/** What an agent saw, or why it is not known. */
export const sayUnseen = (inspection: Fact<NodeInspection> | undefined): string =>
  inspection?.known === false ? inspection.why : 'the node was not inspected'

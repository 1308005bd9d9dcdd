/** What the plans of remedies on nodes have in common. */
import { createHash } from 'node:crypto'
import type { NodeInspection } from '../../api/node-task.ts'
import type { ApplicablePolicy, DecisionInput } from '../../model/decision-input.ts'
import { parseDuration } from '../../model/duration.ts'
import type { Fact, Facts } from '../../model/incident.ts'
import { isNodeItself, type ObjectRef } from '../../model/kubernetes.ts'
import type { NodeRuntime } from '../../model/node-tasks.ts'
import type { PodOnNode } from '../../model/plan.ts'
import type { ActionStep } from '../remedy.ts'

/** As many as one record can name orders for. */
export const MAX_NODE_PODS = 64
const MAX_PODS_SHOWN = 20

/** The pods that the policy answers to, each once, in the order of their names; without the node itself. */
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

export interface NodeBase {
  readonly index: number
  readonly timeoutMs: number
  readonly target: ObjectRef
  readonly pods: readonly PodOnNode[]
  readonly hash: string
}

/** `what`: everything that makes it another plan; an approval is of that alone. */
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

/** What is done on a node, as lines of a diff (`!` where it changes no object, so that it only tells), and the pods it is for. */
export const nodeDiff = ({ name }: ObjectRef, lines: readonly string[], pods: readonly PodOnNode[]): string => {
  const shown = pods
    .slice(0, MAX_PODS_SHOWN)
    .map(({ namespace, name: pod, uid }) => `  pod/${namespace}/${pod} (uid ${uid})`)
  const others = pods.length > shown.length ? [`  and ${pods.length - shown.length} more`] : []
  const whose = pods.length > 0 ? ['@@ for these pods @@', ...shown, ...others] : []
  return [`@@ node/${name} @@`, ...lines, ...whose].join('\n')
}

/** `containerd`, `crio` or `docker` by the words of the CRI or the kubelet; undefined for others. */
const runtimeNamed = (name: string | undefined): NodeRuntime | undefined => {
  const word = name?.toLowerCase().replace('cri-o', 'crio').split(':')[0]
  return word === 'containerd' || word === 'crio' || word === 'docker' ? word : undefined
}

/** The runtime that the kubelet of the node uses, by the kubelet's word or the agent's. */
export const kubeletsRuntime = ({ node, inspection }: Facts): NodeRuntime | undefined =>
  runtimeNamed(node?.known ? node.value.runtimeVersion : undefined) ??
  runtimeNamed(inspection?.known ? inspection.value.runtime.name : undefined)

/** What an agent saw, or why it is not known. */
export const sayUnseen = (inspection: Fact<NodeInspection> | undefined): string =>
  inspection?.known === false ? inspection.why : 'the node was not inspected'

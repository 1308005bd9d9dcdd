/** The JSON patches of a node's flag: pure, so that what is written can be read in a test. */
import type { NodeCause } from '../../model/causes.ts'
import { isoTime } from '../../model/duration.ts'
import { escapePointer } from '../../model/json.ts'
import type { Node } from '../../model/kubernetes.ts'
import { FLAG_PREFIX } from '../../model/names.ts'
import type { PatchOperation } from '../rewrite-image/json-patch.ts'

export interface WantedFlag {
  /** Type of the condition. */
  readonly cause: NodeCause
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
  /** Label, and whether there is a taint of the same name; absent to remove both. */
  readonly mark?: { readonly value: string; readonly taint: boolean }
}

/** The kubelet writes to the same lists: an index is valid for one version only. */
const guards = ({ metadata }: Node): readonly PatchOperation[] => [
  { op: 'test', path: '/metadata/uid', value: metadata.uid },
  { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
]

/** Patch of the node's status; empty if the condition is up to date, or if there is none to clear. `now`: ms. */
export const statusPatch = (node: Node, wanted: WantedFlag, now: number): readonly PatchOperation[] => {
  const { cause: type, status, reason, message } = wanted
  const conditions = node.status?.conditions
  const at = (conditions ?? []).findIndex((one) => one.type === type)
  const before = conditions?.[at]
  if (!before && status === 'False') return []
  if (before?.status === status && before.reason === reason && before.message === message) return []
  if (before?.status === 'False' && status === 'False') return []
  const time = isoTime(now)
  const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? time) : time
  const value = { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime }
  if (!conditions) return [...guards(node), { op: 'add', path: '/status/conditions', value: [value] }]
  return before
    ? [...guards(node), { op: 'replace', path: `/status/conditions/${at}`, value }]
    : [...guards(node), { op: 'add', path: '/status/conditions/-', value }]
}

const labelPatch = (
  { metadata: { labels } }: Node,
  key: string,
  value: string | undefined,
): readonly PatchOperation[] => {
  const before = labels?.[key]
  if (before === value) return []
  const path = `/metadata/labels/${escapePointer(key)}`
  if (value === undefined) return [{ op: 'remove', path }]
  return [labels ? { op: 'add', path, value } : { op: 'add', path: '/metadata/labels', value: { [key]: value } }]
}

const taintPatch = ({ spec }: Node, key: string, value: string | undefined): readonly PatchOperation[] => {
  const all = spec?.taints ?? []
  const others = all.filter((taint) => taint.key !== key)
  const own = all.filter((taint) => taint.key === key)
  const wanted = value === undefined ? [] : [{ key, value, effect: 'NoSchedule' }]
  const stands =
    own.length === wanted.length && own.every((taint) => taint.value === value && taint.effect === 'NoSchedule')
  if (stands) return []
  const taints = [...others, ...wanted]
  if (taints.length === 0) return [{ op: 'remove', path: '/spec/taints' }]
  return [{ op: 'add', path: '/spec/taints', value: taints }]
}

/** Patch of label and taint; empty if they are up to date. */
export const flagPatch = (node: Node, { cause, mark }: WantedFlag): readonly PatchOperation[] => {
  const key = `${FLAG_PREFIX}${cause}`
  const changes = [
    ...labelPatch(node, key, mark?.value),
    ...taintPatch(node, key, mark?.taint ? mark.value : undefined),
  ]
  return changes.length === 0 ? [] : [...guards(node), ...changes]
}

import type { NodeState } from '../model/decision-input.ts'
import { type Fact, known, unknown } from '../model/incident.ts'
import { type Node, platformOf } from '../model/kubernetes.ts'
import { CONTROL_PLANE_LABELS, EXCLUDE_KEY } from '../model/names.ts'

/** All nodes, in the state that the watch last reported. */
export interface NodeCache {
  /** Whether anything changed that decisions use; a heartbeat changes nothing. */
  readonly put: (node: NodeEntry) => boolean
  readonly drop: (uid: string) => void
  readonly get: (uid: string) => NodeEntry | undefined
  readonly named: (name: string) => NodeEntry | undefined
  readonly all: () => readonly NodeEntry[]
  /** The list is complete and the watch is working. */
  readonly synced: () => void
  /** Nodes cannot be watched: the number of unhealthy ones is unknown until the watch works again. */
  readonly unavailable: (why: string) => void
  readonly fact: () => Fact<readonly NodeState[]>
}

const isSame = (a: NodeEntry | undefined, b: NodeEntry): boolean => JSON.stringify(a) === JSON.stringify(b)

export const createNodeCache = (): NodeCache => {
  const byUid = new Map<string, NodeEntry>()
  const byName = new Map<string, NodeEntry>()
  let why: string | undefined = 'nodes have not been read yet'
  // Thousands of decisions share one list.
  let list: readonly NodeEntry[] | undefined

  const all = (): readonly NodeEntry[] => (list ??= [...byUid.values()])

  return {
    put: (node) => {
      const same = isSame(byUid.get(node.uid), node)
      if (same) return false
      byUid.set(node.uid, node)
      byName.set(node.name, node)
      list = undefined
      return true
    },
    drop: (uid) => {
      const node = byUid.get(uid)
      byUid.delete(uid)
      if (node && byName.get(node.name)?.uid === uid) byName.delete(node.name)
      list = undefined
    },
    get: (uid) => byUid.get(uid),
    named: (name) => byName.get(name),
    all,
    synced: () => {
      why = undefined
    },
    unavailable: (because) => {
      why = because
    },
    fact: () => (why === undefined ? known(all()) : unknown(why)),
  }
}

/** Longest message of a condition that is kept, in characters. */
const MAX_MESSAGE = 1_024

/** Keeps a few hundred bytes of a node; drops images, volumes, addresses and heartbeats. */
export interface NodeEntry {
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  /** Only the opt-out annotation, if there is one. */
  readonly annotations: Readonly<Record<string, string>>
  readonly controlPlane: boolean
  /** Cordoned. */
  readonly unschedulable: boolean
  readonly ready: boolean
  /** e.g. `linux/amd64`; empty until the kubelet reports it. */
  readonly platform: string
  /** The condition Ready; absent if the kubelet never wrote one. */
  readonly readiness?: {
    readonly status: string
    readonly reason: string
    readonly message: string
    /** RFC 3339; empty if the condition has none. */
    readonly since: string
  }
}

/** Everything that decisions read of a node, for comparison; excludes what a heartbeat changes. */
export const nodeEntry = ({ metadata, spec, status }: Node): NodeEntry => {
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
    platform: platformOf(status?.nodeInfo),
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

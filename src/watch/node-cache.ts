import type { NodeState } from '../model/decision-input.ts'
import { type Fact, known, unknown } from '../model/incident.ts'
import type { Node } from '../model/kubernetes.ts'
import { CONTROL_PLANE_LABELS, EXCLUDE_KEY } from '../model/names.ts'

/** Every node as the watch last showed it. */
export interface NodeCache {
  /** Whether anything changed that decisions use; a heartbeat changes nothing. */
  readonly put: (node: NodeEntry) => boolean
  readonly drop: (uid: string) => void
  readonly get: (uid: string) => NodeEntry | undefined
  readonly named: (name: string) => NodeEntry | undefined
  readonly all: () => readonly NodeEntry[]
  /** All of them were read once, and the watch is alive. */
  readonly synced: () => void
  /** They cannot be watched: how many are unhealthy is unknown until they are seen again. */
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

/** What is kept of a node: a few hundred bytes; images, volumes, addresses and heartbeats are left behind. */
export interface NodeEntry {
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

import type { NodeState } from '../decide/case.ts'
import { type Fact, known, unknown } from '../diagnose/incident.ts'
import type { NodeSighting } from '../watch/node-sighting.ts'

/** Every node as the watch last showed it. */
export interface Nodes {
  /** Whether anything about it changed that somebody decides by; a heartbeat changes nothing. */
  readonly put: (node: NodeSighting) => boolean
  readonly drop: (uid: string) => void
  readonly get: (uid: string) => NodeSighting | undefined
  readonly named: (name: string) => NodeSighting | undefined
  readonly all: () => readonly NodeSighting[]
  /** All of them were read once, and are heard of. */
  readonly seen: () => void
  /** They cannot be watched: how many are unhealthy is unknown until they are seen again. */
  readonly unseen: (why: string) => void
  readonly fact: () => Fact<readonly NodeState[]>
}

const isSame = (a: NodeSighting | undefined, b: NodeSighting): boolean => JSON.stringify(a) === JSON.stringify(b)

export const createNodes = (): Nodes => {
  const byUid = new Map<string, NodeSighting>()
  const byName = new Map<string, NodeSighting>()
  let why: string | undefined = 'the nodes were not read yet'
  // Thousands of decisions share one list.
  let list: readonly NodeSighting[] | undefined

  const all = (): readonly NodeSighting[] => (list ??= [...byUid.values()])

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
    seen: () => {
      why = undefined
    },
    unseen: (because) => {
      why = because
    },
    fact: () => (why === undefined ? known(all()) : unknown(why)),
  }
}

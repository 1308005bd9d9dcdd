/** Answers orders as the agents of nodes would: what each node looks like is given, and nothing is done to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeTask } from '../../src/api/kinds.ts'
import type { NodeInspection, NodeTaskStatus } from '../../src/api/node-task.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { type Api, ApiError } from '../../testbed/kubelet/api.ts'

/** What an agent sees of a node that is well: Docker beside containerd, with its chains, and no mount helper. */
export const wellNode = (more: Partial<NodeInspection> = {}): NodeInspection => ({
  at: new Date().toISOString(),
  bootId: 'b00t',
  os: { known: true, id: 'debian', versionId: '12', name: 'Debian GNU/Linux 12 (bookworm)', immutable: false },
  runtime: { known: true, name: 'containerd', version: '2.1.0', answers: true, tookMs: 3 },
  units: {
    known: true,
    list: [
      { name: 'docker.service', load: 'loaded', active: 'active', enabled: 'enabled', invocationId: 'a1' },
      { name: 'containerd.service', load: 'loaded', active: 'active', enabled: 'enabled', invocationId: 'a2' },
      { name: 'firewalld.service', load: 'not-found', active: 'inactive', enabled: '' },
    ],
  },
  chains: {
    known: true,
    list: ['filter', 'nat'].map((table) => ({ backend: 'nft', family: 'ip', table, name: 'DOCKER' }) as const),
  },
  mounts: { known: true, helpers: [], filesystems: ['ext4', 'overlay'] },
  docker: { known: true, installed: true, liveRestore: true, managesChains: true },
  ...more,
})

/** The same after something flushed the firewall. */
export const wipedNode = (more: Partial<NodeInspection> = {}): NodeInspection =>
  wellNode({ chains: { known: true, list: [] }, ...more })

/** What a node's agent makes of an order; undefined: it stays silent. */
export type Answers = (task: NodeTask) => NodeTaskStatus | undefined

export interface FakeAgent {
  /** By node: how its orders are answered. A node without an entry has no agent. */
  readonly nodes: Map<string, Answers>
  /** Every order that was seen, oldest first. */
  readonly tasks: readonly NodeTask[]
  /** Throws if the API server refused every answer to a task. */
  readonly stop: () => Promise<void>
}

const EVERY_MS = 50

/** An agent that sees this; further verbs are done as soon as they are ordered. */
export const seeing =
  (look: () => NodeInspection): Answers =>
  ({ spec }) => ({
    phase: 'Succeeded',
    reason: 'Done',
    message: `${spec.verb} done`,
    finishedAt: new Date().toISOString(),
    ...(spec.verb !== 'RecycleSandbox' && { inspection: { ...look(), at: new Date().toISOString() } }),
  })

/** Answers until stopped. */
export const startAgents = (api: Api, namespace: string): FakeAgent => {
  const nodes = new Map<string, Answers>()
  const seen = new Map<string, NodeTask>()
  /** By the uid of the task: an answer that was refused, until one is taken. */
  const refused = new Map<string, ApiError>()
  let stopped = false

  const answer = async (task: NodeTask): Promise<void> => {
    const status = nodes.get(task.spec.nodeName)?.(task)
    if (!status || task.status?.finishedAt !== undefined) return
    const path = pathOf({ kind: 'NodeTask', namespace, name: task.metadata.name, subresource: 'status' })
    const { nodeName, nodeUid } = task.spec
    const { uid } = task.metadata
    try {
      await api.call('PATCH', path, { status }, 'application/merge-patch+json', {
        user: `system:serviceaccount:${namespace}:podmend-agent`,
        // The rights of its role are tried elsewhere; admission judges by user and node.
        groups: ['system:masters'],
        extra: {
          'authentication.kubernetes.io/node-name': nodeName,
          'authentication.kubernetes.io/node-uid': nodeUid,
        },
      })
      refused.delete(uid)
    } catch (cause) {
      // The task may be gone by now, or the API server.
      if (cause instanceof ApiError && [403, 422].includes(cause.status)) refused.set(uid, cause)
    }
  }

  const list = (): Promise<readonly NodeTask[]> =>
    api.call<{ items: NodeTask[] }>('GET', pathOf({ kind: 'NodeTask', namespace })).then(
      ({ items }) => items,
      // A kind that was just made is served a little later.
      () => [],
    )

  const run = async (): Promise<void> => {
    while (!stopped) {
      const items = await list()
      for (const task of items) {
        const { uid } = task.metadata
        seen.set(uid, seen.get(uid) ?? task)
        await answer(task)
      }
      await sleep(EVERY_MS)
    }
  }
  const running = run()
  running.catch(() => {})

  return {
    nodes,
    get tasks() {
      return [...seen.values()]
    },
    stop: async () => {
      stopped = true
      await running.catch(() => {})
      for (const error of refused.values()) throw error
    },
  }
}

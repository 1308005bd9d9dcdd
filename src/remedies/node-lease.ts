/** The lease that reserves a node for one remediator for as long as the remedy may take. */
import { alreadyExists, conflict, invalid, notFound } from '../kube/errors.ts'
import { type Lease, leaseWith } from '../kube/leader-election.ts'
import { pathOf } from '../kube/paths.ts'
import type { KubeObject } from '../model/kubernetes.ts'
import { heldByAnother, NODE_LEASE_HOLDER, nodeLeaseName } from '../model/node-lease.ts'
import type { NodePlan, Outcome } from '../model/plan.ts'
import type { RbacGrant } from '../model/rbac.ts'
import { type ActDeps, refusalOf } from './writes.ts'

export const RBAC: RbacGrant = {
  action: 'share-node-leases',
  rules: [
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'create', 'patch', 'delete'],
      why: 'to take turns with other remediators on a node',
    },
  ],
}

/** Added to the timeout of the remedy, to read its result. */
const SLACK_MS = 60_000
const LATER_MS = 30_000

interface NodeRef {
  readonly name: string
  readonly uid: string
}

const readLease = async (path: string, { kube }: ActDeps): Promise<(Lease & KubeObject) | undefined> =>
  kube.get<Lease & KubeObject>(path).catch((error: unknown) => {
    if (notFound(error)) return undefined
    throw error
  })

/**
 * Takes or extends the lease of a plan's node; undefined if it is ours now, or leases are not shared. An unreleased lease
 * expires by itself. Throws if the outcome is unknown.
 */
export const takeNodeLease = async (plan: NodePlan, deps: ActDeps): Promise<Outcome | undefined> => {
  const { nodeLeases, kube, clock } = deps
  if (nodeLeases === undefined) return undefined
  const { namespace, holderOf } = nodeLeases
  const { name: node, uid } = plan.target
  const name = nodeLeaseName(node)
  const path = pathOf({ kind: 'Lease', namespace, name })
  const now = clock.now()
  try {
    const current = await readLease(path, deps)
    const held = current && holderOf(node, current)
    if (heldByAnother(held, now))
      return { kind: 'Stale', why: `${held.holder} started working on node ${node}`, retryAfterMs: LATER_MS }
    const leaseDurationMs = plan.timeoutMs + SLACK_MS
    const lease = leaseWith({ current, namespace, name, identity: NODE_LEASE_HOLDER, leaseDurationMs, now })
    if (current === undefined) {
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: node, uid }]
      await kube.create(pathOf({ kind: 'Lease', namespace }), {
        ...lease,
        metadata: { ...lease.metadata, ownerReferences },
      })
      return undefined
    }
    const body = [
      { op: 'test', path: '/metadata/resourceVersion', value: current.metadata.resourceVersion },
      { op: 'add', path: '/spec', value: lease.spec },
    ]
    await kube.patch(path, body, { type: 'json' })
    return undefined
  } catch (error) {
    if (conflict(error) || alreadyExists(error) || invalid(error))
      return { kind: 'Stale', why: `another client took the lease of node ${node}`, retryAfterMs: LATER_MS }
    const refused = refusalOf(error)
    if (refused) return refused
    throw error
  }
}

/** Releases the lease of a node if it is ours. Throws if that fails: then it expires. */
export const returnNodeLease = async ({ name: node }: NodeRef, deps: ActDeps): Promise<void> => {
  const { nodeLeases, kube } = deps
  if (nodeLeases === undefined) return
  const { namespace } = nodeLeases
  const path = pathOf({ kind: 'Lease', namespace, name: nodeLeaseName(node) })
  const current = await readLease(path, deps)
  if (current?.spec?.holderIdentity !== NODE_LEASE_HOLDER) return
  const { uid, resourceVersion } = current.metadata
  await kube.remove(path, { preconditions: { uid, resourceVersion } })
}

import type { KubeObject, Pod } from '../api/kubernetes.ts'
import { INSTALL_LABEL } from '../api/names.ts'
import type { NodeTask } from '../api/objects.ts'
import { chooseOldInstallers, chooseOldTasks } from '../report/old-orders.ts'
import { conflict, forbidden, notFound } from '../runtime/errors.ts'
import { type KubeClient, listAll } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import { type Records, underWay } from './records.ts'

export interface SweepOrdersDeps {
  readonly client: Pick<KubeClient, 'list' | 'remove'>
  readonly records: Pick<Records, 'all'>
  /** The operator's own, where orders lie. */
  readonly namespace: string
  readonly now: () => number
}

/** Names of orders, and of installing pods, that a remedy under way still waits for. */
const neededBy = (records: Pick<Records, 'all'>): ReadonlySet<string> =>
  new Set(
    records
      .all()
      .filter(underWay)
      .flatMap(({ status }) => (status?.steps ?? []).flatMap(({ node }) => node?.orders ?? [])),
  )

/** Where nodes are not looked after the kind or the right is missing: then there is nothing to sweep. */
const orNothing = (error: unknown): { readonly items: readonly never[] } => {
  if (forbidden(error) || notFound(error)) return { items: [] }
  throw error
}

/** Deletes orders to agents, and pods that installed something, that nobody reads any more. Resolves with how many went. */
export const createSweepOrders =
  ({ client, records, namespace, now }: SweepOrdersDeps) =>
  async (): Promise<number> => {
    const needed = neededBy(records)
    const [tasks, pods] = await Promise.all([
      listAll<NodeTask>(client, pathOf({ kind: 'NodeTask', namespace })).catch(orNothing),
      client.list<Pod>(pathOf({ kind: 'Pod', namespace }), { labelSelector: INSTALL_LABEL }).catch(orNothing),
    ])
    const old: readonly (readonly [kind: string, object: KubeObject])[] = [
      ...chooseOldTasks(tasks.items, now(), needed).map((task) => ['NodeTask', task] as const),
      ...chooseOldInstallers(pods.items, now(), needed).map((pod) => ['Pod', pod] as const),
    ]
    let deleted = 0
    for (const [kind, { metadata }] of old) {
      const { name, uid } = metadata
      try {
        await client.remove(pathOf({ kind, namespace, name }), { preconditions: { uid } })
        deleted += 1
      } catch (error) {
        if (!notFound(error) && !conflict(error)) throw new Error(`deleting ${kind} ${name}`, { cause: error })
      }
    }
    return deleted
  }

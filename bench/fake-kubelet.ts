/** A fake kubelet for the broken workloads: their first pods wait, later ones run. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../src/kube/client.ts'
import { notFound } from '../src/kube/errors.ts'
import { createReflector } from '../src/kube/informer.ts'
import { pathOf } from '../src/kube/paths.ts'
import type { Pod } from '../src/model/kubernetes.ts'
import { creatingStatus, runningStatus, WORKLOAD_LABEL } from './objects.ts'

/** How long a successful pull takes. */
const PULL_MS = 1_500

export interface FirstPod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface FakeKubelet {
  /** The pods that wait to be broken, by workload. */
  readonly waiting: ReadonlyMap<string, FirstPod>
  /** Workloads whose first pod was deleted or whose pod runs. */
  readonly repaired: ReadonlySet<string>
  readonly stop: () => Promise<void>
}

const statusPath = ({ metadata: { namespace, name } }: Pod): string =>
  pathOf({ kind: 'Pod', namespace, name, subresource: 'status' })

export const startFakeKubelet = async (client: KubeClient, namespace: string): Promise<FakeKubelet> => {
  const first = new Map<string, FirstPod>()
  const waiting = new Map<string, FirstPod>()
  const repaired = new Set<string>()
  const handled = new Set<string>()
  const complain = (error: unknown): void => {
    if (!notFound(error)) process.stderr.write(`  kubelet: ${String(error)}\n`)
  }
  const once = (key: string, work: () => Promise<unknown>): void => {
    if (handled.has(key)) return
    handled.add(key)
    work().catch(complain)
  }

  const onPod = (pod: Pod): void => {
    const { uid, name, labels, deletionTimestamp } = pod.metadata
    const workload = labels?.[WORKLOAD_LABEL] ?? ''
    if (deletionTimestamp !== undefined) {
      once(`delete ${uid}`, async () => {
        await client.remove(pathOf({ kind: 'Pod', namespace, name }), { gracePeriodSeconds: 0, preconditions: { uid } })
      })
      return
    }
    if (!first.has(workload)) first.set(workload, { namespace, name, uid })
    const isFirst = first.get(workload)?.uid === uid
    once(`start ${uid}`, async () => {
      if (!isFirst) await sleep(PULL_MS)
      const image = pod.spec?.containers?.[0]?.image
      await client.patch(statusPath(pod), isFirst ? creatingStatus() : runningStatus(image), { type: 'merge' })
      if (isFirst) waiting.set(workload, { namespace, name, uid })
      else repaired.add(workload)
    })
  }

  const reflector = createReflector<Pod, string>({
    name: 'kubelet',
    client,
    path: pathOf({ kind: 'Pod', namespace }),
    query: { labelSelector: WORKLOAD_LABEL },
    project: (pod) => {
      onPod(pod)
      return pod.metadata.name
    },
    on: { upsert: () => undefined, remove: () => undefined, error: complain },
  })
  reflector.start()
  await reflector.synced
  return { waiting, repaired, stop: reflector.stop }
}

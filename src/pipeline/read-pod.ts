import type { Pod } from '../api/kubernetes.ts'
import { notFound } from '../runtime/errors.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import type { PodRef } from '../watch/sighting.ts'

/** Reads a pod as it is now; undefined where it is gone or another pod has its name. */
export const createReadPod =
  (client: Pick<KubeClient, 'get'>) =>
  async ({ namespace, name, uid }: PodRef): Promise<Pod | undefined> => {
    try {
      const pod = await client.get<Pod>(pathOf({ kind: 'Pod', namespace, name }))
      return pod.metadata.uid === uid ? pod : undefined
    } catch (error) {
      if (notFound(error)) return undefined
      throw new Error(`reading pod ${namespace}/${name}`, { cause: error })
    }
  }

/** Lists every pod on a node as it is now: one request, bounded by the node. */
export const createReadPodsOn =
  (client: Pick<KubeClient, 'list'>) =>
  async (node: string): Promise<readonly Pod[]> => {
    try {
      return (await client.list<Pod>(pathOf({ kind: 'Pod' }), { fieldSelector: `spec.nodeName=${node}` })).items
    } catch (error) {
      throw new Error(`listing the pods on node ${node}`, { cause: error })
    }
  }

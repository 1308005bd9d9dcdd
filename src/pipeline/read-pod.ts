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

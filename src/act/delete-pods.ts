import type { PodToDelete } from '../decide/verdict.ts'
import type { ActApi } from './deps.ts'
import { deletePod, type PodFate } from './delete-pod.ts'
import type { PodLeft, Write } from './outcome.ts'

export interface PodsDeleted {
  readonly wrote: readonly Write[]
  readonly left: readonly PodLeft[]
  /** The first pod's fate that is neither Deleted nor Gone. */
  readonly obstacle?: Extract<PodFate, { kind: 'Stale' | 'Refused' }>
}

/** Deletes pods one after the other; one that may not be deleted does not keep the others standing. */
export const deletePods = async (
  kube: ActApi,
  pods: readonly PodToDelete[],
  method: 'Delete' | 'Evict',
): Promise<PodsDeleted> => {
  const wrote: Write[] = []
  const left: PodLeft[] = []
  let obstacle: PodsDeleted['obstacle']
  for (const pod of pods) {
    const { namespace, name, uid } = pod
    const fate = await deletePod(kube, pod, { method })
    switch (fate.kind) {
      case 'Deleted':
        wrote.push({ verb: method === 'Delete' ? 'deleted' : 'evicted', ref: { kind: 'Pod', namespace, name, uid } })
        break
      case 'Gone':
        break
      case 'Stale':
      case 'Refused':
        obstacle ??= fate
        left.push({ name, uid, why: fate.why })
    }
  }
  return { wrote, left, ...(obstacle !== undefined && { obstacle }) }
}

import { type IncidentArea, isNodeCause } from '../api/causes.ts'
import type { ObjectRef, Pod } from '../api/kubernetes.ts'
import type { FailingPod, Owner } from '../diagnose/incident.ts'
import type { Filing } from './incidents.ts'

export interface FileDeps {
  readonly readOwner: (pod: Pod) => Promise<Owner>
  /** A node by its name; undefined where it is gone or cannot be seen. */
  readonly nodeNamed: (name: string) => Promise<ObjectRef | undefined>
  readonly now: () => number
}

/** Answers under what a pod that fails in these areas is filed: what lies with its node under the node, the rest under its owner. */
export const createFilePod =
  ({ readOwner, nodeNamed, now }: FileDeps) =>
  async ({ pod }: FailingPod, areas: readonly IncidentArea[]): Promise<readonly Filing[]> => {
    const ofNode = areas.filter(isNodeCause)
    const ofOwner = areas.filter((area) => !isNodeCause(area))
    const nodeName = pod.spec?.nodeName
    const at = now()
    const [node, owner] = await Promise.all([
      ofNode.length > 0 && nodeName ? nodeNamed(nodeName) : undefined,
      ofOwner.length > 0 ? readOwner(pod) : undefined,
    ])
    return [
      ...(owner ? [{ target: owner.ref, areas: ofOwner, owner: { value: owner, at } }] : []),
      // A node is read when it is decided on: thousands of its bytes say nothing of the one pod.
      ...(node ? [{ target: node, areas: ofNode }] : []),
    ]
  }

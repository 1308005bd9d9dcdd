/** What the restart of a runtime touches beside the pods that it is for. */
import type { Pod } from '../../api/kubernetes.ts'
import type { NodeRuntime } from '../../api/node-verbs.ts'
import type { Facts } from '../../diagnose/incident.ts'
import { kubeletsRuntime } from './plan-node.ts'

export interface BlastRadius {
  /** A sentence for whoever approves it. */
  readonly touches: string
  /** Pods whose containers stop, or may stop. */
  readonly stops: readonly Pod[]
  /** Why that cannot be told; then nothing may be restarted. */
  readonly unseen?: string
}

const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed'

const many = (count: number): string => `${count} pod${count === 1 ? '' : 's'}`

/** Docker's live-restore, in words: on, off or not known. */
const liveRestore = ({ inspection }: Facts): boolean | undefined =>
  inspection?.known && inspection.value.docker.known ? inspection.value.docker.liveRestore : undefined

const besideKubernetes = (facts: Facts, kubelets: NodeRuntime): string => {
  const here = `docker runs none of the pods here (the kubelet uses ${kubelets})`
  switch (liveRestore(facts)) {
    case true:
      return `${here}; containers that it runs beside Kubernetes keep running: live-restore is on`
    case false:
      return `${here}; containers that it runs beside Kubernetes stop: live-restore is off`
    case undefined:
      return `${here}; containers that it runs beside Kubernetes may stop: whether live-restore is on is unknown`
  }
}

/** Needs the facts `node`, `inspection` and `nodePods`. */
export const blastRadius = (facts: Facts, runtime: NodeRuntime): BlastRadius => {
  const kubelets = kubeletsRuntime(facts)
  if (kubelets === undefined) return { touches: '', stops: [], unseen: 'which runtime the kubelet uses is unknown' }
  if (runtime !== kubelets) return { touches: besideKubernetes(facts, kubelets), stops: [] }
  const { nodePods } = facts
  const pods = nodePods?.known ? nodePods.value.filter((pod) => !hasEnded(pod)) : []
  const its = nodePods?.known ? `its ${many(pods.length)} keep running` : 'its pods keep running'
  if (runtime !== 'docker') return { touches: `${its} (${runtime} leaves them)`, stops: [] }
  const spared = liveRestore(facts)
  if (spared === true) return { touches: `${its}: live-restore is on`, stops: [] }
  if (!nodePods?.known) {
    return { touches: '', stops: [], unseen: `which pods it would stop is unknown: ${nodePods?.why ?? 'not read'}` }
  }
  const touches =
    spared === false
      ? `stops the containers of ${many(pods.length)}: live-restore is off`
      : `may stop the containers of ${many(pods.length)}: whether live-restore is on is unknown`
  return { touches, stops: pods }
}

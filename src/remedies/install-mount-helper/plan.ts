import {
  type ApplicablePolicy,
  askFor,
  type DecisionInput,
  factsOfNode,
  nodeCauseOf,
} from '../../model/decision-input.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import type { NodePlan } from '../../model/plan.ts'
import { aboutOneDetail, nodeBase, nodeDiff, podsOnNode, sayUnseen } from '../node/plan.ts'
import { type ActionStep, noPlan, notApplicable, type Planned } from '../remedy.ts'

export interface InstallMountHelperPlan extends NodePlan {
  readonly type: 'InstallMountHelper'
  /** File system type, e.g. `nfs`. */
  readonly fsType: string
  readonly packageName: string
  /** Deterministic name of the short-lived pod. */
  readonly podName: string
}

export const installerName = (hash: string): string => `install-mount-helper-${hash.slice(0, 12)}`

/** Installs the package of a mount helper on one node, by a short-lived pod there. */
export const planInstallMountHelper = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
  actionStep: ActionStep,
): Planned<InstallMountHelperPlan> => {
  if (nodeCauseOf(c) !== 'MountHelperMissing') {
    return notApplicable('RolloutBlocked', 'InstallMountHelper applies only to a missing mount helper')
  }
  const ask = askFor(c.facts, factsOfNode(c))
  if (ask) return ask
  const { inspection } = c.facts
  if (!inspection?.known) return noPlan('FactUnknown', sayUnseen(inspection), false)
  const { os } = inspection.value
  if (!os.known) return noPlan('FactUnknown', `the operating system is unknown: ${os.why}`, true)
  const { detail: fsType, matched, others } = aboutOneDetail(applicable)
  if (fsType === undefined) {
    return noPlan('FactUnknown', 'the message does not name the file system type that cannot be mounted', true)
  }
  const helper = mountHelperFor(os, fsType)
  if (helper.kind !== 'Installable') return notApplicable('RolloutBlocked', helper.why)
  const { packageName, command } = helper
  const { ref } = c.incident.owner
  const pods = podsOnNode({ matched })
  const lines = [`! a pod on the node has systemd run: ${command.join(' ')}`, `! it provides /sbin/mount.${fsType}`]
  const base = nodeBase(c, applicable, actionStep, { pods, what: [packageName, ...lines] })
  const diff = nodeDiff(ref, lines, pods)
  const podName = installerName(base.hash)
  return { plan: { ...base, type: 'InstallMountHelper', fsType, packageName, podName, diff, leftOut: others } }
}

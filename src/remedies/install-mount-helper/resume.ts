import { askFor, type DecisionInput, type PolicyInForce } from '../../model/decision-input.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { nodeStepBase } from '../node/resume.ts'
import type { Left } from '../remedy.ts'
import type { InstallMountHelperPlan } from './plan.ts'

/** The installer pod, unless it was already created. */
export const resume = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Left<InstallMountHelperPlan> => {
  const { node } = inProgress.step
  const podName = node?.tasks[0] ?? ''
  const fsType = node?.detail ?? ''
  const ask = askFor(c.facts, [{ fact: 'installer', name: podName }, { fact: 'inspection' }])
  if (ask) return ask
  const { installer, inspection } = c.facts
  if (!installer?.known) return { unseen: installer?.why ?? 'the pod was not read' }
  if (installer.value) return 'Written'
  const helper = inspection?.known ? mountHelperFor(inspection.value.os, fsType) : undefined
  if (helper?.kind !== 'Installable') return { unseen: helper?.why ?? 'the node was not inspected' }
  const { packageName } = helper
  const base = nodeStepBase(c, inProgress, policy)
  return {
    plan: { ...base, type: 'InstallMountHelper', fsType, packageName, podName },
    written: false,
    complete: false,
  }
}

import { askFor, type DecisionInput } from '../../model/decision-input.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { type Left, UNWRITTEN } from '../remedy.ts'
import type { InstallMountHelperPlan } from './plan.ts'

/** The installer pod, unless it was already created. */
export const resume = (c: DecisionInput, { step }: InProgress): Left<InstallMountHelperPlan> => {
  const ask = askFor(c.facts, [{ fact: 'installer', name: step.node?.tasks[0] ?? '' }])
  if (ask) return ask
  const { installer } = c.facts
  if (!installer?.known) return { unseen: installer?.why ?? 'the pod was not read' }
  return installer.value ? 'Written' : UNWRITTEN
}

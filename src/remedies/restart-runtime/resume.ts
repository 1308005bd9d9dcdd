import type { DecisionInput } from '../../model/decision-input.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { tasksThere } from '../node-tasks/plan.ts'
import { type Left, UNWRITTEN } from '../remedy.ts'
import type { RestartRuntimePlan } from './plan.ts'

/** The task, unless it was already created. */
export const resume = (c: DecisionInput, { step }: InProgress): Left<RestartRuntimePlan> => {
  const there = tasksThere(c, step)
  if (!(there instanceof Set)) return there
  return there.size > 0 ? 'Written' : UNWRITTEN
}

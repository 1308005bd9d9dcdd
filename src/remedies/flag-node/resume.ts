import { askFor, type DecisionInput, nodeCauseOf, type PolicyInForce } from '../../model/decision-input.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { nodeStepBase } from '../node/resume.ts'
import type { Left } from '../remedy.ts'
import { type FlagNodePlan, flagOf, isFlagged } from './plan.ts'

/** The flag, unless the node already has it. */
export const resume = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Left<FlagNodePlan> => {
  const cause = nodeCauseOf(c)
  const ask = askFor(c.facts, [{ fact: 'node' }, { fact: 'inspection' }])
  if (ask) return ask
  const { node } = c.facts
  if (!node?.known || cause === undefined) return { unseen: node?.known === false ? node.why : 'the node was not read' }
  const flag = flagOf(c.facts, cause, inProgress.step.node?.detail)
  const taint = policy?.spec.actions[inProgress.step.index]?.flagNode?.taint === 'NoSchedule'
  if (isFlagged(c, { ...flag, taint })) return 'Written'
  const plan: FlagNodePlan = { ...nodeStepBase(c, inProgress, policy), ...flag, type: 'FlagNode', taint }
  return { plan, written: false, complete: false }
}

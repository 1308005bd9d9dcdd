import { askFor, type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { type InProgress, policyOf } from '../../model/remediation-state.ts'
import { type Left, UNWRITTEN } from '../remedy.ts'
import { type FlagNodePlan, flagOf, isFlagged } from './plan.ts'

/** The flag, unless the node already has it. A part of it is written again. */
export const resume = (c: DecisionInput, { record, step }: InProgress): Left<FlagNodePlan> => {
  const cause = nodeCauseOf(c)
  const ask = askFor(c.facts, [{ fact: 'node' }, { fact: 'inspection' }])
  if (ask) return ask
  const { node } = c.facts
  if (!node?.known || cause === undefined) return { unseen: node?.known === false ? node.why : 'the node was not read' }
  const taint = policyOf(c, record)?.spec.actions[step.index]?.flagNode?.taint === 'NoSchedule'
  return isFlagged(c, { ...flagOf(c.facts, cause, step.node?.detail), taint }) ? 'Written' : UNWRITTEN
}

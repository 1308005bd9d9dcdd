import { type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { hasFurtherAction, type InProgress } from '../../model/remediation-state.ts'
import type { Progress } from '../remedy.ts'

/** The flag itself repairs nothing: the policy's next action follows at once. */
export const verify = (c: DecisionInput, inProgress: InProgress): Progress => {
  const { name } = c.incident.owner.ref
  if (hasFurtherAction(c, inProgress)) {
    return { outcome: 'Ineffective', message: `node ${name} is flagged; the policy continues` }
  }
  const says = inProgress.step.node?.message ?? 'see its conditions'
  return {
    outcome: 'Succeeded',
    reason: 'Flagged',
    message: `node ${name} is flagged with ${nodeCauseOf(c)}: ${says}`,
  }
}

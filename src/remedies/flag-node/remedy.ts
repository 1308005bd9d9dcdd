/** FlagNode: marks a failure on the node, for people or another policy; repairs nothing. */
import type { PureRemedy } from '../remedy.ts'
import { type FlagNodePlan, flagStillStands, planFlagNode } from './plan.ts'
import { resume } from './resume.ts'
import { text } from './text.ts'
import { verify } from './verify.ts'

export const flagNode: PureRemedy<FlagNodePlan> = {
  type: 'FlagNode',
  onNode: 'Marks',
  needsAgent: true,
  podsShowFailure: true,
  event: {
    reason: 'NodeFlagged',
    type: 'Warning',
    meaning: 'A node was flagged: its conditions say what it lacks and how to fix it.',
  },
  text,
  plan: planFlagNode,
  takesOutOfService: ({ taint }) => taint,
  record: ({ target, pods, proposedFor = pods, detail, message }) => ({
    target,
    pods: [...proposedFor],
    node: { tasks: [], detail, message },
  }),
  resume,
  verify,
  stillApplies: flagStillStands,
}

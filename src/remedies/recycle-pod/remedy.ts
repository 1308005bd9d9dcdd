/** RecyclePod: deletes or evicts failing pods that their controller recreates, of an owner or on a node. */
import type { PureRemedy } from '../remedy.ts'
import { planRecyclePod, type RecyclePodPlan } from './plan.ts'
import { resume } from './resume.ts'
import { text } from './text.ts'
import { verify } from './verify.ts'

export const recyclePod: PureRemedy<RecyclePodPlan> = {
  type: 'RecyclePod',
  onNode: 'Nothing',
  needsAgent: false,
  event: {
    reason: 'PodRecycled',
    type: 'Normal',
    meaning: 'Pods were deleted so that their controller recreates them.',
  },
  text,
  plan: planRecyclePod,
  record: ({ target, pods }) => ({ target, pods: [...pods] }),
  resume,
  verify,
}

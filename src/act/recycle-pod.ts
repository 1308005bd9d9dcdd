/** RecyclePod: deletes or evicts failing pods that somebody makes anew. */
import type { RecyclePodPlan } from '../decide/verdict.ts'
import { deletePods } from './delete-pods.ts'
import type { ActDeps } from './deps.ts'
import type { Outcome } from './outcome.ts'

/** Done when at least one pod went; what stood in the way of the others is in `left`. */
export const recyclePod = async (plan: RecyclePodPlan, { kube, clock }: ActDeps): Promise<Outcome> => {
  const { wrote, left, obstacle } = await deletePods(kube, plan.pods, plan.method)
  if (wrote.length > 0) return { kind: 'Done', at: clock.now(), wrote, left }
  return obstacle ?? { kind: 'AlreadyDone' }
}

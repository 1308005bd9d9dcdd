/** RecyclePod: deletes or evicts failing pods that their controller recreates. */
import type { Outcome } from '../../model/plan.ts'
import type { RbacGrant } from '../../model/rbac.ts'
import { type ActDeps, deletePods } from '../writes.ts'
import type { RecyclePodPlan } from './plan.ts'

export const RBAC: RbacGrant = {
  action: 'RecyclePod',
  rules: [
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'delete'],
      why: 'to delete a failing pod so that its controller recreates it',
    },
    {
      apiGroups: [''],
      resources: ['pods/eviction'],
      verbs: ['create'],
      why: 'to evict a failing pod with method Evict',
    },
  ],
}

/** Done if at least one pod was deleted; `left` has the reasons for the others. Pods that are gone already prove nothing. */
export const act = async (plan: RecyclePodPlan, deps: ActDeps): Promise<Outcome> => {
  const { wrote, left, obstacle } = await deletePods(deps, plan.pods, plan.method)
  if (wrote.length > 0) return { kind: 'Done', at: deps.clock.now(), wrote, left }
  return obstacle ?? { kind: 'Stale', why: 'the pods to recycle are gone already' }
}

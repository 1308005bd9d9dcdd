/** Carries out a plan: the only writes on other people's objects. */
import type { Outcome, Plan } from '../model/plan.ts'
import { flagNode } from './flag-node/act.ts'
import { installMountHelper } from './install-mount-helper/act.ts'
import { takeNodeLease } from './node-lease.ts'
import { createNodeTasks } from './node-tasks.ts'
import { recyclePod } from './recycle-pod/act.ts'
import { rewriteImage } from './rewrite-image/act.ts'
import type { ActDeps } from './writes.ts'

const refused = (type: Plan['type']): Outcome => ({
  kind: 'Refused',
  why: `${type} is switched off at install (--disable-action): switch it on there, or change the policy`,
})

/** The intent must stand on the record before. Throws where the outcome is unknown; running it again is safe. */
export const act = async (plan: Plan, deps: ActDeps): Promise<Outcome> => {
  if (deps.disabledActions?.includes(plan.type)) return refused(plan.type)
  switch (plan.type) {
    case 'RewriteImage':
      return rewriteImage(plan, deps)
    case 'RecyclePod':
      return recyclePod(plan, deps)
    case 'RecycleSandbox':
    case 'RestartRuntime':
      return (await takeNodeLease(plan, deps)) ?? createNodeTasks(plan, deps)
    case 'FlagNode':
      return flagNode(plan, deps)
    case 'InstallMountHelper':
      return (await takeNodeLease(plan, deps)) ?? installMountHelper(plan, deps)
  }
}

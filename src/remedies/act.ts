/** Executes a plan: the only writes to objects of others. */
import type { Outcome, Plan } from '../model/plan.ts'
import { REMEDIES } from './list.ts'
import { type ActDeps, refusalIfDisabled } from './writes.ts'

/** Record the intent first. Throws if the outcome is unknown; running it again is safe. */
export const act = async <P extends Plan>(plan: P, deps: ActDeps): Promise<Outcome> =>
  refusalIfDisabled(plan.type, deps) ?? REMEDIES[plan.type].act(plan, deps)

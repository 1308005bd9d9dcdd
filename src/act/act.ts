/** Carries out a plan: the only writes on other people's objects. */
import type { Plan } from '../decide/verdict.ts'
import type { ActDeps } from './deps.ts'
import type { Outcome } from './outcome.ts'
import { recyclePod } from './recycle-pod.ts'
import { rewriteImage } from './rewrite-image.ts'

/** The intent must stand on the record before. Throws where the outcome is unknown; running it again is safe. */
export const act = (plan: Plan, deps: ActDeps): Promise<Outcome> => {
  switch (plan.type) {
    case 'RewriteImage':
      return rewriteImage(plan, deps)
    case 'RecyclePod':
      return recyclePod(plan, deps)
  }
}

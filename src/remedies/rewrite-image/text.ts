import type { RemediationStep } from '../../api/remediation.ts'
import type { RecordTarget, RemedyText } from '../remedy.ts'
import { nameOf, POD_WRITTEN, sayPods } from '../text.ts'
import type { RewriteImagePlan } from './plan.ts'

const sayPlan = ({ target, changes, thenDelete, thenPatch, podsOnly }: RewriteImagePlan): string => {
  const images = changes.map(({ container, from, to }) => `${container} from ${from} to ${to}`)
  const pods = thenDelete.length > 0 ? `, then delete ${thenDelete.length} broken pod(s)` : ''
  const patched = `${thenPatch.length} stuck pod(s)`
  const also = thenPatch.length > 0 && !podsOnly ? ` and of ${patched}` : ''
  return `rewrite the image of ${podsOnly ? `${patched} of ` : ''}${nameOf(target)}${also}: ${images.join(', ')}${pods}`
}

const imagesIn = ({ changes = [] }: RemediationStep): string =>
  changes
    .map(
      ({ container, init, from, to }) =>
        `image of ${init ? 'init container' : 'container'} ${container} from ${from} to ${to}`,
    )
    .join(', ')

/** Where images were written: for CronJobs also in pods, for Jobs only in pods. */
const placeIn = ({ pods = [] }: RemediationStep, { kind, name }: RecordTarget): string => {
  const target = `${kind} ${name}`
  if (pods.length === 0 || (kind !== 'Job' && kind !== 'CronJob')) return target
  return kind === 'Job' ? `${sayPods(pods)} of ${target}` : `${target} and ${sayPods(pods)}`
}

export const text: RemedyText<RewriteImagePlan> = {
  plan: sayPlan,
  step: (step) => `rewrite ${imagesIn(step)}`,
  done: (step, target) => `Rewrote ${imagesIn(step)} in ${placeIn(step, target)}`,
  ...POD_WRITTEN,
}

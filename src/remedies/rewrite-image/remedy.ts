/** RewriteImage: another image in the template that fails, or in the pods that no template reaches. It can be undone. */
import type { PureRemedy } from '../remedy.ts'
import { planRewriteImage, type RewriteImagePlan } from './plan.ts'
import { resume, resumeUndo, undoPlan } from './resume.ts'
import { text } from './text.ts'
import { verify } from './verify.ts'

export const rewriteImage: PureRemedy<RewriteImagePlan> = {
  type: 'RewriteImage',
  onNode: 'Nothing',
  needsAgent: false,
  event: { reason: 'ImageRewritten', type: 'Normal', meaning: 'An image was rewritten in the workload.' },
  podsAreWritten: true,
  text,
  plan: planRewriteImage,
  imagesIn: ({ changes }) => changes,
  // One that writes to nothing but pods of Jobs has no target: undoing it leaves the template alone.
  record: ({ target, podsOnly, changes, thenDelete, thenPatch }) => ({
    ...(!podsOnly && { target }),
    changes: changes.map(({ pointer: _, was: __, ...change }) => change),
    pods: [...thenDelete, ...thenPatch.map((edit) => edit.target)].map(({ name, uid }) => ({ name, uid })),
  }),
  resume,
  verify,
  undo: { plan: undoPlan, resume: resumeUndo },
}

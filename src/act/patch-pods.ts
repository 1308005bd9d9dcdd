import type { ImageEdit } from '../decide/verdict.ts'
import type { ActDeps } from './deps.ts'
import type { Outcome, PodLeft, Write } from './outcome.ts'
import { patchImages } from './patch-images.ts'

export interface PodsPatched {
  readonly wrote: readonly Write[]
  readonly left: readonly PodLeft[]
  /** Why the first pod that was left was left. */
  readonly obstacle?: Extract<Outcome, { kind: 'Stale' | 'Refused' }>
}

/** Gives stuck pods their images, one after the other; one that cannot be written to does not keep the others stuck. */
export const patchPods = async (edits: readonly ImageEdit[], deps: ActDeps): Promise<PodsPatched> => {
  const wrote: Write[] = []
  const left: PodLeft[] = []
  let obstacle: PodsPatched['obstacle']
  for (const edit of edits) {
    const { name, uid, namespace } = edit.target
    const patched = await patchImages(edit, deps, { onlyWaiting: true })
    switch (patched.kind) {
      case 'Patched':
        wrote.push({
          verb: 'patched',
          ref: { kind: 'Pod', name, uid, ...(namespace !== undefined && { namespace }) },
        })
        break
      case 'AlreadyDone':
        break
      case 'Stale':
      case 'Refused':
        obstacle ??= patched
        left.push({ name, uid, why: patched.why })
    }
  }
  return { wrote, left, ...(obstacle !== undefined && { obstacle }) }
}

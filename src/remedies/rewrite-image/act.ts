/** RewriteImage: a guarded patch of the object with the pod template, plus changes to its pods. Undo works the same way. */
import { sameImage } from '../../model/image-reference.ts'
import type { Workload } from '../../model/kubernetes.ts'
import type { ImageEdit, Outcome, PodLeft, Write } from '../../model/plan.ts'
import type { RbacGrant } from '../../model/rbac.ts'
import { sleep } from '../../runtime/clock.ts'
import { deletePod, deletePods } from '../delete-pods.ts'
import type { ActDeps } from '../writes.ts'
import { dryRunPatch, type NotPatched, type Patched, patchImages, pathOfTarget } from './patch.ts'
import type { RewriteImagePlan } from './plan.ts'

export const RBAC: RbacGrant = {
  action: 'RewriteImage',
  rules: [
    {
      apiGroups: ['apps'],
      resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image in the template of a workload',
    },
    {
      apiGroups: ['batch'],
      resources: ['cronjobs'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image in the template of a workload',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'patch'],
      why: 'to rewrite the image of a bare pod, or of a stuck pod of a Job',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['get', 'delete'],
      why: 'to delete the broken pods that a StatefulSet or ReplicaSet keeps after the rewrite',
    },
  ],
}

/** How long to wait for a workload's controller to observe the edit before its broken pods are deleted. */
const TAKE_UP_MS = 10_000
const TAKE_UP_POLL_MS = 100

/** A pod deleted before its controller observed the edit would be recreated unchanged. */
const takenUp = async (plan: RewriteImagePlan, generation: number | undefined, deps: ActDeps): Promise<boolean> => {
  const { kube, clock } = deps
  const until = clock.monotonic() + TAKE_UP_MS
  for (;;) {
    const { metadata, status } = await kube.get<Workload>(pathOfTarget(plan))
    if ((status?.observedGeneration ?? 0) >= (generation ?? metadata.generation ?? 0)) return true
    if (clock.monotonic() >= until) return false
    await sleep(clock, TAKE_UP_POLL_MS)
  }
}

/** Half a plan does not help: without permission to delete or patch the pods, leave the template unchanged. */
const refusedForPods = async ({ thenDelete, thenPatch }: RewriteImagePlan, deps: ActDeps) => {
  const [deleted] = thenDelete
  const [patched] = thenPatch
  const dryRun = deleted && (await deletePod(deps, deleted, { dryRun: true }))
  if (dryRun?.kind === 'Refused') return dryRun
  const shown = patched && (await dryRunPatch(patched, deps))
  return shown?.kind === 'Refused' ? shown : undefined
}

const writeTemplate = (plan: RewriteImagePlan, deps: ActDeps): Promise<Patched | NotPatched> =>
  plan.podsOnly ? Promise.resolve({ kind: 'AlreadyDone' }) : patchImages(plan, deps)

/** Changes to pods after the template is written. */
const carryToPods = async (plan: RewriteImagePlan, generation: number | undefined, deps: ActDeps) => {
  const { target, thenDelete, thenPatch } = plan
  if (thenPatch.length > 0) return patchPods(thenPatch, deps)
  if (thenDelete.length === 0) return { wrote: [], left: [] }
  if (await takenUp(plan, generation, deps)) return deletePods(deps, thenDelete, 'Delete')
  const why = `the controller of ${target.kind} ${target.name} has not observed the change yet`
  return { wrote: [], left: thenDelete.map((pod) => ({ name: pod.name, uid: pod.uid, why })) }
}

/**
 * Writes the images of the plan, then deletes the pods that their controller would leave in place, or patches those that
 * no template reaches. Idempotent: after a crash at any point, another run completes what is missing.
 */
export const act = async (plan: RewriteImagePlan, deps: ActDeps): Promise<Outcome> => {
  const isWritten = plan.podsOnly !== true && plan.changes.every(({ was, to }) => sameImage(was, to))
  const refused = isWritten ? undefined : await refusedForPods(plan, deps)
  if (refused) return refused
  const patched = await writeTemplate(plan, deps)
  if (patched.kind === 'Stale' || patched.kind === 'Refused') return patched
  const { kind, namespace, name, uid } = plan.target
  const patch: Write = { verb: 'patched', ref: { kind, name, uid, ...(namespace !== undefined && { namespace }) } }
  const wrote = patched.kind === 'Patched' ? [patch] : []
  const generation = patched.kind === 'Patched' ? patched.generation : undefined
  const pods = await carryToPods(plan, generation, deps)
  if (wrote.length + pods.wrote.length > 0) {
    return { kind: 'Done', at: deps.clock.now(), wrote: [...wrote, ...pods.wrote], left: pods.left }
  }
  if (plan.podsOnly && 'obstacle' in pods && pods.obstacle) return pods.obstacle
  if (pods.left.length === 0) return { kind: 'AlreadyDone' }
  return { kind: 'Done', at: deps.clock.now(), wrote: [], left: pods.left }
}

export interface PodsPatched {
  readonly wrote: readonly Write[]
  readonly left: readonly PodLeft[]
  /** Why the first remaining pod was left. */
  readonly obstacle?: Extract<Outcome, { kind: 'Stale' | 'Refused' }>
}

/** Patches waiting pods one after the other; continues after one that cannot be patched. */
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

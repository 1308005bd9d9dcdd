/** The single list of remedies, by the type of their action, and what is done with one of them. */
import type { ActionType } from '../api/policy/actions.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import type { Outcome, Plan } from '../model/plan.ts'
import { act as flag } from './flag-node/act.ts'
import { flagNode } from './flag-node/remedy.ts'
import { act as install } from './install-mount-helper/act.ts'
import { installMountHelper } from './install-mount-helper/remedy.ts'
import { act as recycle } from './recycle-pod/act.ts'
import { recyclePod } from './recycle-pod/remedy.ts'
import { act as recycleSandboxes } from './recycle-sandbox/act.ts'
import { recycleSandbox } from './recycle-sandbox/remedy.ts'
import { returnNodeLease } from './node-lease.ts'
import type { PureRemedy, Remedy } from './remedy.ts'
import { act as restart } from './restart-runtime/act.ts'
import { restartRuntime } from './restart-runtime/remedy.ts'
import { act as rewrite } from './rewrite-image/act.ts'
import { rewriteImage } from './rewrite-image/remedy.ts'
import { type ActDeps, refusalIfDisabled } from './writes.ts'

export const REMEDIES: { readonly [T in ActionType]: Remedy & { readonly type: T } } = {
  RewriteImage: { ...rewriteImage, act: rewrite },
  RecyclePod: { ...recyclePod, act: recycle },
  RecycleSandbox: { ...recycleSandbox, act: recycleSandboxes, release: returnNodeLease },
  RestartRuntime: { ...restartRuntime, act: restart, release: returnNodeLease },
  FlagNode: { ...flagNode, act: flag },
  InstallMountHelper: { ...installMountHelper, act: install, release: returnNodeLease },
}

/** The pure half of a remedy, for decisions and reports. */
export const remedyOf = (type: ActionType): PureRemedy => REMEDIES[type]

/** Executes a plan. Record the intent first. Throws if the outcome is unknown; running it again is safe. */
export const act = async <P extends Plan>(plan: P, deps: ActDeps): Promise<Outcome> =>
  refusalIfDisabled(plan.type, deps) ?? REMEDIES[plan.type].act(plan, deps)

/** Releases what a remedy reserved on its target once its step has ended. Throws if that fails: then it expires. */
export const release = async (type: ActionType, target: ObjectRef, deps: ActDeps): Promise<void> =>
  REMEDIES[type].release?.(target, deps)

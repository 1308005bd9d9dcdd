/** The single list of remedies, by the type of their action. */
import type { ActionType } from '../api/policy/actions.ts'
import { act as flag } from './flag-node/act.ts'
import { flagNode } from './flag-node/remedy.ts'
import { act as install } from './install-mount-helper/act.ts'
import { installMountHelper } from './install-mount-helper/remedy.ts'
import { act as recycle } from './recycle-pod/act.ts'
import { recyclePod } from './recycle-pod/remedy.ts'
import { act as recycleSandboxes } from './recycle-sandbox/act.ts'
import { recycleSandbox } from './recycle-sandbox/remedy.ts'
import type { PureRemedy, Remedy } from './remedy.ts'
import { act as restart } from './restart-runtime/act.ts'
import { restartRuntime } from './restart-runtime/remedy.ts'
import { act as rewrite } from './rewrite-image/act.ts'
import { rewriteImage } from './rewrite-image/remedy.ts'

export const REMEDIES: { readonly [T in ActionType]: Remedy & { readonly type: T } } = {
  RewriteImage: { ...rewriteImage, act: rewrite },
  RecyclePod: { ...recyclePod, act: recycle },
  RecycleSandbox: { ...recycleSandbox, act: recycleSandboxes },
  RestartRuntime: { ...restartRuntime, act: restart },
  FlagNode: { ...flagNode, act: flag },
  InstallMountHelper: { ...installMountHelper, act: install },
}

/** The pure half of a remedy, for decisions and reports. */
export const remedyOf = (type: ActionType): PureRemedy => REMEDIES[type]

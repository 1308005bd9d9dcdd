/** InstallMountHelper: installs the package of a missing mount helper on the one node. */
import type { PureRemedy } from '../remedy.ts'
import { installerName, type InstallMountHelperPlan, planInstallMountHelper } from './plan.ts'
import { resume } from './resume.ts'
import { text } from './text.ts'
import { verify } from './verify.ts'

export const installMountHelper: PureRemedy<InstallMountHelperPlan> = {
  type: 'InstallMountHelper',
  onNode: 'Repairs',
  needsAgent: true,
  podsShowFailure: true,
  event: {
    reason: 'HelperInstalling',
    type: 'Normal',
    meaning: 'A short-lived pod that installs a mount helper was created on a node.',
  },
  text,
  plan: planInstallMountHelper,
  underHash: (plan, hash) => ({ ...plan, hash, podName: installerName(hash) }),
  record: ({ target, pods, proposedFor = pods, podName, fsType }) => ({
    target,
    pods: [...proposedFor],
    node: { tasks: [podName], detail: fsType },
  }),
  resume,
  verify,
}

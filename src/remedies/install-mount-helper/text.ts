import type { RemediationStep } from '../../api/remediation.ts'
import type { RemedyText } from '../remedy.ts'
import { nameOf } from '../text.ts'
import type { InstallMountHelperPlan } from './plan.ts'

const step = ({ node }: RemediationStep): string => `install mount.${node?.detail ?? ''} on the node`

export const text: RemedyText<InstallMountHelperPlan> = {
  plan: ({ packageName, target }) => `install ${packageName} on ${nameOf(target)}`,
  step,
  done: ({ node }, { kind, name }) => `Created a pod on ${kind} ${name} to install mount.${node?.detail ?? ''}`,
  written: 'the installer pod was created',
  awaited: 'it to finish and the pods to recover',
}

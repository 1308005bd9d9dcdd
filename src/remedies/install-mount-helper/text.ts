import type { RemediationStep } from '../../api/remediation.ts'
import type { RemedyText } from '../remedy.ts'
import { nameOf } from '../text.ts'
import type { InstallMountHelperPlan } from './plan.ts'

const step = ({ node }: RemediationStep): string => `install mount.${node?.detail ?? ''} there`

export const text: RemedyText<InstallMountHelperPlan> = {
  plan: ({ packageName, target }) => `install ${packageName} on ${nameOf(target)}`,
  step,
  done: (done, { kind, name }) => `Created a pod on ${kind} ${name} to ${step(done)}`,
  written: 'the pod that installs it is created',
  awaited: 'it to end, and for the pods to recover',
}

import type { DecisionInput, PolicyInForce } from '../../model/decision-input.ts'
import type { NodePlan } from '../../model/plan.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { stepBase } from '../remedy.ts'

/** The fields of a node plan that any recorded step determines. */
export const nodeStepBase = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Omit<NodePlan, 'type'> => ({
  ...stepBase(c, inProgress, policy),
  pods: (inProgress.step.pods ?? []).map(({ name, uid, namespace }) => ({
    namespace: namespace ?? inProgress.record.metadata.namespace ?? '',
    name,
    uid,
  })),
})

import { askFor, type DecisionInput, nodeCauseOf, type PolicyInForce } from '../../model/decision-input.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { PodToDelete } from '../../model/plan.ts'
import { type InProgress, podsOf } from '../../model/remediation-state.ts'
import { type Left, stepBase } from '../remedy.ts'
import { diffOf } from '../text.ts'
import { isRecreated, type RecyclePodPlan } from './plan.ts'

/** The step's pods that still exist. */
const stillThere = (pods: readonly Pod[], uids: ReadonlySet<string>): readonly PodToDelete[] =>
  pods
    .map(({ metadata }) => metadata)
    .filter(({ uid, deletionTimestamp }) => uids.has(uid) && deletionTimestamp === undefined)
    .map(({ namespace = '', name, uid, resourceVersion }) => ({ namespace, name, uid, resourceVersion }))

/** The remaining pods to delete. Never deletes a pod that nothing recreates, whatever the record says. */
export const resume = (
  c: DecisionInput,
  inProgress: InProgress,
  policy: PolicyInForce | undefined,
): Left<RecyclePodPlan> => {
  const { step } = inProgress
  const ofNode = nodeCauseOf(c) !== undefined
  const ask = askFor(c.facts, [ofNode ? { fact: 'nodePods' } : podsOf(inProgress)])
  if (ask) return ask
  const seen = ofNode ? c.facts.nodePods : c.facts.pods
  if (!seen?.known) return { unseen: seen?.why ?? 'the pods were not read' }
  const uids = new Set(step.pods?.map(({ uid }) => uid))
  const pods = stillThere(
    seen.value.filter((pod) => (ofNode ? isRecreated(pod) : c.incident.owner.recreatesPods)),
    uids,
  )
  if (ofNode && pods.length === 0) return 'Written'
  const base = stepBase(c, inProgress, policy)
  const method = policy?.spec.actions[step.index]?.recyclePod?.method ?? 'Delete'
  return {
    plan: { ...base, type: 'RecyclePod', diff: diffOf(base.target, [], pods), method, pods },
    written: !ofNode && pods.length < uids.size,
    complete: pods.length === 0,
  }
}

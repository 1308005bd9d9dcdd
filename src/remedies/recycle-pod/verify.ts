import { type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { parseTime } from '../../model/duration.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { podsRecovered, recovery, withNodePods } from '../node/verify.ts'
import type { Progress } from '../remedy.ts'
import { replacementsRun, running, type Started, withOwnersPods } from '../running-pods.ts'

/** The absence of a deleted pod is no success: its replacement must not fail the same way. */
const replacedOnNode = (c: DecisionInput, { step }: InProgress, pods: readonly Pod[]): Started => {
  const uids = new Set(step.pods?.map(({ uid }) => uid))
  const left = pods.find(({ metadata }) => uids.has(metadata.uid))
  if (left) return { lacks: `pod ${left.metadata.namespace}/${left.metadata.name} still exists` }
  const [failing] = c.incident.pods
  if (failing) return { lacks: `pod ${failing.pod.metadata.name} fails the same way` }
  // A replacement takes a moment to fail: that nothing does counts from the deletion on, not from when the pods were gone.
  const since = parseTime(step.actedAt) ?? parseTime(step.intendedAt) ?? c.now
  const recovered = podsRecovered(step.pods, pods)
  return 'lacks' in recovered ? recovered : { since: Math.max(since, recovered.since) }
}

export const verify = (c: DecisionInput, inProgress: InProgress): Progress => {
  const { step } = inProgress
  if (nodeCauseOf(c) !== undefined) {
    return withNodePods(c, (pods) => recovery(step, replacedOnNode(c, inProgress, pods)))
  }
  const { owner } = c.incident
  const uids = new Set(step.pods?.map(({ uid }) => uid))
  return withOwnersPods(c, inProgress, (pods) => running(owner, replacementsRun(pods, owner.replicas, uids)))
}

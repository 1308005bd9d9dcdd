import { askFor, type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { type InProgress, podsOf } from '../../model/remediation-state.ts'
import type { Left } from '../remedy.ts'
import { diffOf } from '../text.ts'
import type { RecyclePodPlan } from './plan.ts'

/** The pods of the step that still exist, as far as they are to be recycled today. */
export const resume = (c: DecisionInput, inProgress: InProgress): Left<RecyclePodPlan> => {
  const { step } = inProgress
  const ofNode = nodeCauseOf(c) !== undefined
  const ask = askFor(c.facts, [ofNode ? { fact: 'nodePods' } : podsOf(inProgress)])
  if (ask) return ask
  const seen = ofNode ? c.facts.nodePods : c.facts.pods
  if (!seen?.known) return { unseen: seen?.why ?? 'the pods were not read' }
  const there = new Set(
    seen.value.flatMap(({ metadata: { uid, deletionTimestamp } }) => (deletionTimestamp === undefined ? [uid] : [])),
  )
  const recorded = step.pods ?? []
  const left = new Set(recorded.filter(({ uid }) => there.has(uid)).map(({ uid }) => uid))
  return {
    written: left.size < recorded.length,
    complete: left.size === 0,
    rest: (today) => {
      const pods = today.pods.filter(({ uid }) => left.has(uid))
      if (pods.length === 0) return undefined
      return { ...today, pods, diff: diffOf(today.target, [], pods), hash: step.planHash }
    },
    kept: { pods: recorded.filter(({ uid }) => !left.has(uid)) },
  }
}

import type { DecisionInput } from '../../model/decision-input.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { tasksThere } from '../node-tasks/plan.ts'
import { type Left, UNWRITTEN } from '../remedy.ts'
import { type RecycleSandboxPlan, recycleTasks } from './plan.ts'

/** The tasks that were not created yet, for pods that still fail. */
export const resume = (c: DecisionInput, { step }: InProgress): Left<RecycleSandboxPlan> => {
  const there = tasksThere(c, step)
  if (!(there instanceof Set)) return there
  const names = step.node?.tasks ?? []
  const recorded = step.pods ?? []
  if (names.every((name) => there.has(name))) return 'Written'
  if (there.size === 0) return UNWRITTEN
  const isCreated = (_: unknown, i: number): boolean => there.has(names[i] ?? '')
  return {
    written: true,
    complete: false,
    rest: (today) => {
      const left = recorded.flatMap((one, i) => {
        const pod = isCreated(one, i) ? undefined : today.pods.find(({ uid }) => uid === one.uid)
        return pod ? [{ pod, name: names[i] ?? '' }] : []
      })
      if (left.length === 0) return undefined
      const pods = left.map(({ pod }) => pod)
      const tasks = recycleTasks(today.target, pods, step.planHash).map(({ spec }, i) => ({
        spec,
        name: left[i]?.name ?? '',
      }))
      return { ...today, pods, tasks, hash: step.planHash }
    },
    kept: {
      pods: recorded.filter(isCreated),
      ...(step.node && { node: { ...step.node, tasks: names.filter((name) => there.has(name)) } }),
    },
  }
}

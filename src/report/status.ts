/**
 * The life of a record as a pure function: the status before, and what happened, give the status after. Where nothing
 * worth a write happened the very same object comes back.
 */
import type { RemediationStatus } from '../api/remediation.ts'
import { isoTime } from '../model/duration.ts'
import { acted, verified } from './status-after-act.ts'
import { closed, held, intended, undoIntended } from './status-before-act.ts'
import { clip, put, type StatusChange, type StatusCondition, withCondition } from './status-fields.ts'

/** It had ended well, or by itself, and fails again: a new story, whose times begin anew. */
const reopened = (before: RemediationStatus, after: RemediationStatus): boolean =>
  (before.phase === 'Succeeded' || before.phase === 'Cancelled') && after.finishedAt === undefined

/** What every change ends with: sight, texts within bounds, conditions. */
const sealed = (
  before: RemediationStatus,
  after: RemediationStatus,
  { at, sight }: StatusChange,
): RemediationStatus => {
  const { phase, reason = 'Unknown', message = '', finishedAt } = after
  const conditions: readonly StatusCondition[] = after.conditions ?? []
  const finished = finishedAt !== undefined
  const succeeded = phase === 'Succeeded' ? 'True' : finished ? 'False' : 'Unknown'
  const say = { reason, message }
  const anew = reopened(before, after)
  const seen = sight?.firstSeen === undefined ? undefined : isoTime(sight.firstSeen)
  return put(after, {
    message: clip(message, 4_096),
    conditions: withCondition(
      withCondition(conditions, { type: 'Finished', status: finished ? 'True' : 'False', ...say }, at),
      { type: 'Succeeded', status: succeeded, ...say },
      at,
    ),
    firstSeen: anew ? seen : (after.firstSeen ?? seen),
    ...(anew && { startedAt: phase === 'Running' ? isoTime(at) : undefined }),
    ...(sight && { failingPods: sight.failingPods }),
  })
}

const changed = (before: RemediationStatus, change: StatusChange): RemediationStatus => {
  switch (change.kind) {
    case 'Held':
      return held(before, change.at, change.verdict)
    case 'Intended':
      return intended(before, change.at, change.verdict)
    case 'UndoIntended':
      return undoIntended(before, change.at, change.plan)
    case 'Acted':
      return acted(before, change)
    case 'Proven':
      return verified(before, change)
    case 'Closed':
      return closed(before, change.at, change.reason, change.message)
  }
}

/** See above. Times in `change` are ms since the epoch. */
export const nextStatus = (before: RemediationStatus, change: StatusChange): RemediationStatus => {
  const after = changed(before, change)
  return after === before ? before : sealed(before, after, change)
}

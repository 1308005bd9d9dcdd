/** Verifies an attempt in progress. Succeeded requires running pods; Ineffective requires the timeout or a definite result. */
import { type DecisionInput, nodeCauseOf } from '../../model/decision-input.ts'
import { formatDuration, parseDuration, parseTime } from '../../model/duration.ts'
import type { Verdict } from '../../model/plan.ts'
import { type InProgress, isUndo, policyOf } from '../../model/remediation-state.ts'
import { MAX_SKEW_MS } from '../../model/seen.ts'
import { remedyOf } from '../../remedies/list.ts'
import { nameOfOwner } from '../../remedies/pod-template.ts'
import { type Ended, requeueDelay } from '../../remedies/remedy.ts'
import { resume } from './resume.ts'
import { afterIneffective, resumeUndo } from './undo.ts'

const DEFAULT_TIMEOUT = 5 * 60_000

/** When the timeout of the remedy ends, ms since the epoch. Never, if the record has no time. */
const deadlineOf = (c: DecisionInput, { record, step }: InProgress): number => {
  const began =
    parseTime(step.actedAt) ?? parseTime(step.intendedAt) ?? parseTime(record.metadata.creationTimestamp) ?? c.now
  const timeout = policyOf(c, record)?.spec.actions[step.index]?.timeout
  return began + (timeout === undefined ? DEFAULT_TIMEOUT : parseDuration(timeout))
}

const waiting = (message: string, requeueAt: number): Verdict => ({
  kind: 'Verify',
  outcome: 'Waiting',
  reason: 'Verifying',
  message,
  requeueAt,
})

const ended = (c: DecisionInput, inProgress: InProgress, end: Ended): Verdict =>
  end.outcome === 'Ineffective'
    ? afterIneffective(c, inProgress, end.message)
    : { kind: 'Verify', ...end, requeueAt: c.now }

export const verify = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { owner } = c.incident
  const cancelled = (reason: string, message: string) => ended(c, inProgress, { outcome: 'Cancelled', reason, message })
  if (owner.gone) return cancelled('OwnerGone', `${nameOfOwner(owner)} is gone`)
  if (owner.replicas === 0) {
    const what = owner.ref.kind === 'Job' ? 'suspended or set to run no pods' : 'scaled to zero'
    return cancelled('ScaledToZero', `${nameOfOwner(owner)} was ${what}`)
  }
  if (isUndo(inProgress.step) && nodeCauseOf(c) === undefined) return resumeUndo(c, inProgress)
  const resumed = inProgress.step.state === 'Intended' ? resume(c, inProgress) : 'Written'
  return resumed === 'Written' ? verifyWritten(c, inProgress) : resumed
}

const verifyWritten = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const progress = remedyOf(inProgress.step.action).verify(c, inProgress)
  if ('ask' in progress) return { kind: 'Ask', facts: progress.ask }
  if ('outcome' in progress) return ended(c, inProgress, progress)
  if ('waits' in progress) return waiting(progress.waits, progress.nextCheckAt)
  const deadline = deadlineOf(c, inProgress)
  if ('lacks' in progress) {
    const { lacks, nextCheckAt = c.now + requeueDelay(c, inProgress), atDeadline } = progress
    return c.now < deadline
      ? waiting(lacks, Math.min(deadline, nextCheckAt))
      : ended(c, inProgress, atDeadline ?? { outcome: 'Ineffective', message: lacks })
  }
  // Everything runs, and must stay so for the stabilization window, even beyond the timeout.
  const { since, recovered, unstable } = progress
  const { stabilizationMs } = c.operator
  // A start in the future is that of a clock that is wrong; the deadline then decides.
  const stable = since > c.now + MAX_SKEW_MS ? deadline : since + stabilizationMs
  const message = `${recovered} for ${formatDuration(stabilizationMs)}`
  if (c.now >= stable) return ended(c, inProgress, { outcome: 'Succeeded', reason: 'Repaired', message })
  return unstable === undefined || c.now < deadline + stabilizationMs
    ? waiting(`waiting until ${message}`, stable)
    : afterIneffective(c, inProgress, unstable)
}

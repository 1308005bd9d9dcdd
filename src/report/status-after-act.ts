/** Changes of a record after the write: the result from the API server, and whether the remedy helped. */
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { formatTime, isoTime, parseTime } from '../model/duration.ts'
import type { Outcome, PodLeft, VerdictOf } from '../model/plan.ts'
import { clip } from '../model/printable.ts'
import { isUndo, lastBegun } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'
import { POD_WRITTEN } from '../remedies/text.ts'
import { put, withLast, withoutProposal } from './status-fields.ts'

/** If a step writes to its pods, remove those that were not changed: they cannot verify it. */
const withoutLeft = (
  steps: readonly RemediationStep[],
  left: readonly { readonly uid: string }[],
): Pick<RemediationStep, 'pods'> => {
  const { action, pods } = lastBegun(steps) ?? {}
  if (action === undefined || !remedyOf(action).podsAreWritten || pods === undefined || left.length === 0) return {}
  return { pods: pods.filter(({ uid }) => !left.some((pod) => pod.uid === uid)) }
}

/** How long a refusal that may pass is tried again. The right that a person has to grant does not come sooner. */
const REFUSED_MS = 20_000
/** How long the pods that a rewrite left are tried again, before it is verified without them. */
const LEFT_MS = 2 * 60_000

const sayLeft = (left: readonly PodLeft[]): readonly string[] =>
  left.map(({ name, why }) => `pod ${name} was not changed: ${why}`)

/**
 * Pods that a rewrite left, because they were changing or the API server refused: no template reaches them. The step
 * stays begun, so that the next decision continues it, or holds what may not be written any more.
 */
const continued = (
  before: RemediationStatus,
  { at, left }: { readonly at: number; readonly left: readonly PodLeft[] },
): RemediationStatus | undefined => {
  const last = lastBegun(before.steps ?? [])
  const until = (parseTime(last?.intendedAt) ?? 0) + LEFT_MS
  if (left.length === 0 || last?.changes === undefined || isUndo(last) || at >= until) return undefined
  const message = [`partly written; the rest is tried again until ${formatTime(until)}`, ...sayLeft(left)].join('; ')
  return before.message === message ? before : put(before, { message, nextCheckTime: undefined })
}

/**
 * A step that did not help: the record has ended only with the last action of the policy. Before that, the next action
 * follows in the same record, and until it begins nothing is in progress.
 */
const endOfStep = (
  phase: 'Ineffective' | 'Failed',
  {
    at,
    hasNext = false,
    nextCheckAt = at,
  }: { readonly at: number; readonly hasNext?: boolean | undefined; readonly nextCheckAt?: number },
): Partial<RemediationStatus> =>
  hasNext
    ? { phase: 'Held', nextCheckTime: isoTime(nextCheckAt) }
    : { phase, finishedAt: isoTime(at), nextCheckTime: undefined }

export const acted = (
  before: RemediationStatus,
  {
    at,
    outcome,
    hasNext,
    partly,
  }: {
    readonly at: number
    readonly outcome: Outcome
    readonly hasNext?: boolean | undefined
    readonly partly?: true | undefined
  },
): RemediationStatus => {
  const steps = before.steps ?? []
  const last = lastBegun(steps)
  const undo = last !== undefined && isUndo(last)
  switch (outcome.kind) {
    case 'Done':
    case 'AlreadyDone': {
      const left = outcome.kind === 'Done' ? outcome.left : []
      const goesOn = continued(before, { at, left })
      if (goesOn) return goesOn
      const actedAt = isoTime(outcome.kind === 'Done' ? outcome.at : at)
      const { written, awaited } = last ? remedyOf(last.action).text : POD_WRITTEN
      const message = [outcome.kind === 'AlreadyDone' ? 'no change needed' : written, ...sayLeft(left)].join('; ')
      const step = { message: clip(message, 4_096), actedAt }
      if (undo) {
        return put(before, {
          ...endOfStep('Ineffective', { at, hasNext }),
          reason: 'Undone',
          message: `the remedy did not help and was undone: ${message}`,
          steps: withLast(steps, { ...step, state: 'Undone', finishedAt: isoTime(at) }),
        })
      }
      return put(before, {
        phase: 'Verifying',
        reason: 'Verifying',
        message: `${message}; waiting for ${awaited}`,
        steps: withLast(steps, { ...step, ...withoutLeft(steps, left), state: 'Done' }),
        nextCheckTime: undefined,
      })
    }
    case 'Stale': {
      if (undo) return undoDeferred(before, outcome.why)
      // The next evaluation finds out what is left.
      if (partly) return before
      return withdrawn(before, {
        reason: 'StaleRead',
        message: `nothing was written: ${outcome.why}`,
        why: outcome.why,
        nextCheckTime: undefined,
      })
    }
    case 'Refused': {
      const right = outcome.missingRight === undefined ? '' : ` (missing right: ${outcome.missingRight})`
      const refused = `the API server refused the write${right}: ${outcome.why}`
      const until = (parseTime(last?.intendedAt) ?? 0) + REFUSED_MS
      if (outcome.mayPass && at < until) {
        const message = `it is tried again until ${formatTime(until)}; ${refused}`
        return before.message === message ? before : put(before, { message, nextCheckTime: undefined })
      }
      return put(before, {
        ...endOfStep('Failed', { at, hasNext }),
        reason: 'WriteRefused',
        message: refused,
        steps: withLast(steps, { state: 'Failed', message: clip(outcome.why, 4_096), finishedAt: isoTime(at) }),
      })
    }
  }
}

interface Withdrawal {
  readonly reason: 'StaleRead' | 'Withdrawn'
  readonly message: string
  readonly why: string
  readonly nextCheckTime: string | undefined
}

/** Nothing was written, so it counts neither as an attempt nor as an open intent. */
const withdrawn = (before: RemediationStatus, withdrawal: Withdrawal): RemediationStatus => {
  const { reason, message, why, nextCheckTime } = withdrawal
  const steps = before.steps ?? []
  const intent = lastBegun(steps)?.intendedAt
  const attempts = (before.attempts ?? []).filter((time) => time !== intent)
  return put(before, {
    phase: 'Held',
    reason,
    message,
    steps: withLast(steps, {
      state: 'Planned',
      message: clip(why, 4_096),
      intendedAt: undefined,
      recordedAt: undefined,
    }),
    attempts: attempts.length > 0 ? attempts : undefined,
    startedAt: attempts.length > 0 ? before.startedAt : undefined,
    nextCheckTime,
  })
}

/** The remedy is still in place: it is verified again, which undoes it again or finds out who changed it. */
const undoDeferred = (before: RemediationStatus, why: string): RemediationStatus =>
  put(before, {
    phase: 'Verifying',
    reason: 'Verifying',
    message: `the remedy did not help; its undo is tried again: ${why}`,
    steps: withLast(withoutProposal(before.steps ?? []).slice(0, -1), { state: 'Done', finishedAt: undefined }),
    nextCheckTime: undefined,
  })

export const verified = (
  before: RemediationStatus,
  {
    at,
    verdict,
    digests = {},
  }: {
    readonly at: number
    readonly verdict: VerdictOf<'Verify'>
    readonly digests?: Readonly<Record<string, string>>
  },
): RemediationStatus => {
  const { reason, message, requeueAt, next, kept } = verdict
  const steps = before.steps ?? []
  const open = lastBegun(steps)?.state === 'Intended'
  const end = (state: RemediationStep['state']) =>
    withLast(steps, { state, finishedAt: isoTime(at), ...(open && { actedAt: isoTime(at) }) })
  switch (verdict.outcome) {
    case 'Waiting':
      if (before.phase === 'Verifying' && before.reason === reason) return before
      return put(before, {
        phase: 'Verifying',
        reason,
        message,
        // An intent in verification was executed, but a crash prevented recording that.
        ...(open && {
          steps: withLast(steps, {
            state: 'Done',
            actedAt: isoTime(at),
            ...(kept && { ...kept, message: clip(message, 4_096) }),
          }),
        }),
        nextCheckTime: isoTime(requeueAt),
      })
    case 'Succeeded':
      return put(before, {
        phase: 'Succeeded',
        reason,
        message,
        steps: withDigests(end('Succeeded'), digests),
        finishedAt: isoTime(at),
        nextCheckTime: undefined,
      })
    case 'Ineffective':
      return put(before, {
        ...endOfStep('Ineffective', { at, hasNext: next?.kind === 'Escalate', nextCheckAt: requeueAt }),
        reason,
        message,
        steps: end('Ineffective'),
      })
    case 'Withdrawn':
      return withdrawn(before, { reason: 'Withdrawn', message, why: message, nextCheckTime: isoTime(requeueAt) })
    case 'Cancelled':
      return put(before, {
        phase: 'Cancelled',
        reason,
        message,
        // What was changed back had been written, although a crash prevented recording that.
        steps: withLast(withoutProposal(steps), {
          ...(open && reason === 'EditReverted' && { state: 'Done', actedAt: isoTime(at) }),
          finishedAt: isoTime(at),
        }),
        finishedAt: isoTime(at),
        nextCheckTime: undefined,
      })
  }
}

const withDigests = (
  steps: readonly RemediationStep[],
  digests: Readonly<Record<string, string>>,
): RemediationStep[] => {
  const changes = lastBegun(steps)?.changes?.map((change) => {
    const digestAfter = change.digestAfter ?? digests[change.container]
    return digestAfter === undefined ? change : { ...change, digestAfter }
  })
  return changes ? withLast(steps, { changes }) : [...steps]
}

/** What a policy's status becomes. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { PolicyStatus } from '../api/policy.ts'
import { parseTime } from '../api/time.ts'
import { type StatusCondition, withCondition } from './conditions.ts'
import { mergeAttempts, prune } from './ledger.ts'
import { isoTime } from './text.ts'

/** News about one policy; what is absent stays as it was. */
export interface PolicyNews {
  /** What admission made of it: no sentences means that it is in force. */
  readonly admitted?: { readonly generation: number; readonly sentences: readonly string[] }
  /** Names of policies of the same priority that answer to the same failures. */
  readonly conflictsWith?: readonly string[]
  readonly active?: number
  readonly held?: number
  /** Successes since the last news. */
  readonly succeeded?: number
  /** Attempts begun: `incidentId` and ms since the epoch, the very time that stands on the record. */
  readonly attempts?: readonly { readonly incident: string; readonly at: number }[]
  /** Attempts that wrote nothing after all. */
  readonly takenBack?: readonly { readonly incident: string; readonly at: number }[]
}

/** Two pieces of news as one. */
export const joinNews = (a: PolicyNews, b: PolicyNews): PolicyNews => ({
  ...a,
  ...b,
  ...((a.succeeded ?? b.succeeded) !== undefined && { succeeded: (a.succeeded ?? 0) + (b.succeeded ?? 0) }),
  ...((a.attempts ?? b.attempts) !== undefined && { attempts: [...(a.attempts ?? []), ...(b.attempts ?? [])] }),
  ...((a.takenBack ?? b.takenBack) !== undefined && { takenBack: [...(a.takenBack ?? []), ...(b.takenBack ?? [])] }),
})

type Condition = NonNullable<PolicyStatus['conditions']>[number]

const readyOf = ({ generation, sentences }: NonNullable<PolicyNews['admitted']>) => ({
  type: 'Ready',
  status: sentences.length === 0 ? ('True' as const) : ('False' as const),
  reason: sentences.length === 0 ? 'Accepted' : 'NotUnderstood',
  message: sentences.length === 0 ? 'The policy is in force.' : `The policy is not in force: ${sentences.join('; ')}`,
  observedGeneration: generation,
})

const conflictingOf = (names: readonly string[], generation: number | undefined) => ({
  type: 'Conflicting',
  status: names.length === 0 ? ('False' as const) : ('True' as const),
  reason: names.length === 0 ? 'NoConflict' : 'SameFailures',
  message:
    names.length === 0
      ? 'No other policy of this priority answers to the same failures.'
      : `${names.slice(0, 10).join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''} ` +
        `${names.length === 1 ? 'answers' : 'answer'} to the same failures with the same priority; ` +
        'the first by name acts. Give them different priorities.',
  ...(generation !== undefined && { observedGeneration: generation }),
})

const ledgerAfter = (before: PolicyStatus, news: PolicyNews, now: number): NonNullable<PolicyStatus['attempts']> => {
  const gone = new Set((news.takenBack ?? []).map(({ incident, at }) => `${incident}@${at}`))
  const stand = (before.attempts ?? []).flatMap(({ incident, time }) => {
    const at = parseTime(time)
    return at === undefined ? [] : [{ policy: '', incident, at }]
  })
  const come = (news.attempts ?? []).map((attempt) => ({ policy: '', ...attempt }))
  return prune(mergeAttempts([stand, come], now), now)
    .filter(({ incident, at }) => !gone.has(`${incident}@${at}`))
    .map(({ incident, at }) => ({ incident, time: isoTime(at) }))
}

/** The status after the news; the same object where nothing changed. `now` in ms since the epoch. */
export const nextPolicyStatus = (before: PolicyStatus, news: PolicyNews, now: number): PolicyStatus => {
  const { admitted, conflictsWith, active, held, succeeded } = news
  let conditions: Condition[] = [...(before.conditions ?? [])]
  const set = (condition: Omit<StatusCondition, 'lastTransitionTime'>): void => {
    conditions = withCondition<Condition>(conditions, condition, now)
  }
  if (admitted) set(readyOf(admitted))
  if (conflictsWith) set(conflictingOf(conflictsWith, admitted?.generation ?? before.observedGeneration))
  const attempts = ledgerAfter(before, news, now)
  const began = (news.attempts ?? []).map(({ at }) => at)
  const lastAction = Math.max(...began, parseTime(before.lastActionTime) ?? Number.NEGATIVE_INFINITY)
  const after: PolicyStatus = {
    ...before,
    ...(conditions.length > 0 && { conditions }),
    ...(admitted && { observedGeneration: admitted.generation }),
    ...(active !== undefined && { active }),
    ...(held !== undefined && { held }),
    ...(succeeded !== undefined && { succeeded: (before.succeeded ?? 0) + succeeded }),
    ...((attempts.length > 0 || before.attempts) && { attempts }),
    ...(began.length > 0 && { lastActionTime: isoTime(lastAction) }),
  }
  return isDeepStrictEqual(after, before) ? before : after
}

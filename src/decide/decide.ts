/** The decision: a pure function of the facts gathered so far. It writes nothing, reads nothing and has no clock. */
import type { DecisionInput } from '../model/decision-input.ts'
import type { Verdict } from '../model/plan.ts'
import { attemptInProgress } from '../model/remediation-state.ts'
import { verify } from './attempt/in-progress.ts'
import { decideAnew } from './decide-anew.ts'

export const decide = (c: DecisionInput): Verdict => {
  const inProgress = attemptInProgress(c)
  return inProgress ? verify(c, inProgress) : decideAnew(c)
}

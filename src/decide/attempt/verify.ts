/** An attempt is under way: did it help? Succeeded only by what runs, Ineffective only by the clock. */
import type { RemediationStep } from '../../api/remediation.ts'
import { askFor, type DecisionInput, LATER, nodeCauseOf } from '../../model/decision-input.ts'
import { formatDuration } from '../../model/duration.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { Verdict } from '../../model/plan.ts'
import { podsOf, type InProgress } from '../../model/remediation-state.ts'
import { nameOfOwner, placeOf, sayWriter } from '../../remedies/pod-template.ts'
import {
  patchedPodsRun,
  takenBackIn,
  uidsOf,
  type Vanished,
  wrotePodsOnly,
} from '../../remedies/rewrite-image/verify.ts'
import { replacementsRun, runNewImages, type Started } from '../../remedies/running-pods.ts'
import { resumeNode } from './resume-node.ts'
import { resume } from './resume.ts'
import { afterIneffective, resumeUndo } from './undo.ts'
import { deadlineOf, patience, type Verification, verification, waiting } from './verification.ts'
import { verifyNode } from './verify-node.ts'

const cancelled = (c: DecisionInput, reason: string, message: string): Verification =>
  verification(c, 'Cancelled', reason, message)

export const verify = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const { owner } = c.incident
  if (owner.gone) return cancelled(c, 'OwnerGone', `${nameOfOwner(owner)} is gone`)
  if (owner.replicas === 0) {
    const what = owner.ref.kind === 'Job' ? 'suspended, or told to run no pods' : 'scaled to zero'
    return cancelled(c, 'ScaledToZero', `${nameOfOwner(owner)} was ${what}`)
  }
  if (nodeCauseOf(c)) {
    const begun = inProgress.step.state === 'Intended' ? resumeNode(c, inProgress) : 'Written'
    return begun === 'Written' ? verifyNode(c, inProgress) : begun
  }
  if (inProgress.undoing) return resumeUndo(c, inProgress)
  const resumed = inProgress.step.state === 'Intended' ? resume(c, inProgress) : 'Written'
  return resumed === 'Written' ? verifyWorkload(c, inProgress) : resumed
}

const verifyWorkload = (c: DecisionInput, inProgress: InProgress): Verdict => {
  const takenBack = changedBack(c, inProgress)
  if (takenBack) return takenBack
  const ask = askFor(c.facts, [podsOf(inProgress)])
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { pods } = c.facts
  if (!pods?.known) return waiting(`the pods cannot be seen: ${pods?.why ?? 'not read'}`, c.now + LATER)

  const { step } = inProgress
  const { owner } = c.incident
  const taken = wrotePodsOnly(owner, step) ? takenBackIn(pods.value, step) : undefined
  if (taken) {
    const message = `somebody changed pod ${taken.metadata.name} of ${nameOfOwner(owner)} back`
    return cancelled(c, 'EditReverted', message)
  }
  const started = startOf(owner, pods.value, step)
  if ('vanished' in started) return vanished(c, inProgress, started.vanished)
  return 'since' in started ? stabilizing(c, inProgress, started.since) : lacking(c, inProgress, started.lacks)
}

const startOf = (owner: Owner, pods: readonly Pod[], step: RemediationStep): Started | Vanished => {
  if (step.action !== 'RewriteImage') return replacementsRun(pods, owner.replicas, uidsOf(step))
  if (owner.patchesPods) return patchedPodsRun(owner, pods, step)
  return runNewImages(pods, owner.replicas, step.changes ?? [], owner.keepsHealthyPods === true)
}

/** The template no longer says what we wrote: somebody took it back, by hand or by `kubectl mend undo`. */
const changedBack = (c: DecisionInput, { step }: InProgress): Verdict | undefined => {
  const { owner } = c.incident
  if (wrotePodsOnly(owner, step)) return undefined
  const change = step.changes?.find((one) => !sameImage(placeOf(owner, one)?.image ?? '', one.to))
  if (!change) return undefined
  const image = placeOf(owner, change)?.image ?? 'nothing'
  const message = `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} from ${change.to} to ${image}`
  return cancelled(c, 'EditReverted', message)
}

/** Everything runs: it must stay so for a while. One that settles when its time is up is given the rest of the while. */
const stabilizing = (c: DecisionInput, inProgress: InProgress, since: number): Verdict => {
  const { stabilizationMs } = c.operator
  const settled = since + stabilizationMs
  if (c.now >= settled) {
    const message = `the containers of ${nameOfOwner(c.incident.owner)} started and stayed so for ${formatDuration(stabilizationMs)}`
    return { kind: 'Verify', outcome: 'Succeeded', reason: 'Repaired', message, requeueAt: c.now }
  }
  return c.now < deadlineOf(c, inProgress) + stabilizationMs
    ? waiting(`started; must stay so for ${formatDuration(stabilizationMs)}`, settled)
    : afterIneffective(c, inProgress, 'the containers start, but do not stay so')
}

const lacking = (c: DecisionInput, inProgress: InProgress, lacks: string): Verdict => {
  const deadline = deadlineOf(c, inProgress)
  return c.now < deadline
    ? waiting(lacks, Math.min(deadline, c.now + patience(c, inProgress)))
    : afterIneffective(c, inProgress, lacks)
}

/** The next Job may prove it in time; where none comes nobody knows, which is neither a success nor a failure. */
const vanished = (c: DecisionInput, inProgress: InProgress, message: string): Verification => {
  const deadline = deadlineOf(c, inProgress)
  return c.now < deadline
    ? waiting(message, Math.min(deadline, c.now + patience(c, inProgress)))
    : cancelled(c, 'OwnerGone', message)
}

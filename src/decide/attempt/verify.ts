/** An attempt is under way: did it help? Succeeded only by what runs, Ineffective only by the clock. */
import type { RemediationStep } from '../../api/remediation.ts'
import { askFor, type Case, LATER, nodeCauseOf } from '../../model/decision-input.ts'
import { formatDuration } from '../../model/duration.ts'
import { sameImage } from '../../model/image-reference.ts'
import type { Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { Verdict } from '../../model/plan.ts'
import { podsOf, type UnderWay } from '../../model/remediation-state.ts'
import { nameOfOwner, placeOf, sayWriter } from '../../remedies/pod-template.ts'
import {
  mendedPodsRun,
  takenBackIn,
  uidsOf,
  type Vanished,
  wrotePodsOnly,
} from '../../remedies/rewrite-image/verify.ts'
import { replacementsRun, runNewImages, type Started } from '../../remedies/running-pods.ts'
import { resumeNode } from './resume-node.ts'
import { resume } from './resume.ts'
import { afterIneffective, resumeUndo } from './undo.ts'
import { deadlineOf, patience, type Proof, proof, waiting } from './verification.ts'
import { proveNode } from './verify-node.ts'

const cancelled = (c: Case, reason: string, message: string): Proof => proof(c, 'Cancelled', reason, message)

export const prove = (c: Case, underWay: UnderWay): Verdict => {
  const { owner } = c.incident
  if (owner.gone) return cancelled(c, 'OwnerGone', `${nameOfOwner(owner)} is gone`)
  if (owner.replicas === 0) {
    const what = owner.ref.kind === 'Job' ? 'suspended, or told to run no pods' : 'scaled to zero'
    return cancelled(c, 'ScaledToZero', `${nameOfOwner(owner)} was ${what}`)
  }
  if (nodeCauseOf(c)) {
    const begun = underWay.step.state === 'Intended' ? resumeNode(c, underWay) : 'Written'
    return begun === 'Written' ? proveNode(c, underWay) : begun
  }
  if (underWay.undoing) return resumeUndo(c, underWay)
  const resumed = underWay.step.state === 'Intended' ? resume(c, underWay) : 'Written'
  return resumed === 'Written' ? verify(c, underWay) : resumed
}

const verify = (c: Case, underWay: UnderWay): Verdict => {
  const takenBack = changedBack(c, underWay)
  if (takenBack) return takenBack
  const ask = askFor(c.facts, [podsOf(underWay)])
  if (ask) return { kind: 'Ask', facts: ask.ask }
  const { pods } = c.facts
  if (!pods?.known) return waiting(`the pods cannot be seen: ${pods?.why ?? 'not read'}`, c.now + LATER)

  const { step } = underWay
  const { owner } = c.incident
  const taken = wrotePodsOnly(owner, step) ? takenBackIn(pods.value, step) : undefined
  if (taken) {
    const message = `somebody changed pod ${taken.metadata.name} of ${nameOfOwner(owner)} back`
    return cancelled(c, 'EditReverted', message)
  }
  const started = startOf(owner, pods.value, step)
  if ('vanished' in started) return vanished(c, underWay, started.vanished)
  return 'since' in started ? settling(c, underWay, started.since) : lacking(c, underWay, started.lacks)
}

const startOf = (owner: Owner, pods: readonly Pod[], step: RemediationStep): Started | Vanished => {
  if (step.action !== 'RewriteImage') return replacementsRun(pods, owner.replicas, uidsOf(step))
  if (owner.mendsPods) return mendedPodsRun(owner, pods, step)
  return runNewImages(pods, owner.replicas, step.changes ?? [], owner.keepsHealthyPods === true)
}

/** The template no longer says what we wrote: somebody took it back, by hand or by `kubectl mend undo`. */
const changedBack = (c: Case, { step }: UnderWay): Verdict | undefined => {
  const { owner } = c.incident
  if (wrotePodsOnly(owner, step)) return undefined
  const change = step.changes?.find((one) => !sameImage(placeOf(owner, one)?.image ?? '', one.to))
  if (!change) return undefined
  const image = placeOf(owner, change)?.image ?? 'nothing'
  const message = `${sayWriter(owner, change)} changed ${change.container} of ${nameOfOwner(owner)} from ${change.to} to ${image}`
  return cancelled(c, 'EditReverted', message)
}

/** Everything runs: it must stay so for a while. One that settles when its time is up is given the rest of the while. */
const settling = (c: Case, underWay: UnderWay, since: number): Verdict => {
  const { settleMs } = c.operator
  const settled = since + settleMs
  if (c.now >= settled) {
    const message = `the containers of ${nameOfOwner(c.incident.owner)} started and stayed so for ${formatDuration(settleMs)}`
    return { kind: 'Prove', outcome: 'Succeeded', reason: 'Repaired', message, lookAgainAt: c.now }
  }
  return c.now < deadlineOf(c, underWay) + settleMs
    ? waiting(`started; must stay so for ${formatDuration(settleMs)}`, settled)
    : afterIneffective(c, underWay, 'the containers start, but do not stay so')
}

const lacking = (c: Case, underWay: UnderWay, lacks: string): Verdict => {
  const deadline = deadlineOf(c, underWay)
  return c.now < deadline
    ? waiting(lacks, Math.min(deadline, c.now + patience(c, underWay)))
    : afterIneffective(c, underWay, lacks)
}

/** The next Job may prove it in time; where none comes nobody knows, which is neither a success nor a failure. */
const vanished = (c: Case, underWay: UnderWay, message: string): Proof => {
  const deadline = deadlineOf(c, underWay)
  return c.now < deadline
    ? waiting(message, Math.min(deadline, c.now + patience(c, underWay)))
    : cancelled(c, 'OwnerGone', message)
}

/** The controller of model.test.ts: carries out verdicts as reconcile.ts does, and ends before or after a write where told to. */
import type { Remediation } from '../api/kinds.ts'
import { decide } from '../decide/decide.ts'
import { formatTime } from '../model/duration.ts'
import type { Facts } from '../model/incident.ts'
import type { Plan, Verdict, VerdictOf } from '../model/plan.ts'
import { endsUnrecorded, isOpen, openRecordOf } from '../model/remediation-state.ts'
import type { FlagNodePlan } from '../remedies/flag-node/plan.ts'
import type { TaskPlan } from '../remedies/node-tasks/plan.ts'
import type { RecyclePodPlan } from '../remedies/recycle-pod/plan.ts'
import type { RewriteImagePlan } from '../remedies/rewrite-image/plan.ts'
import { type Change, nextStatus } from '../report/status.ts'
import { broken, ms, neglected, unproved, wronglyUndone } from './testing-rules.ts'
import { inputOf, read } from './testing-reads.ts'
import {
  brokenPod,
  fails,
  hashOfTemplate,
  isNode,
  refOf,
  type Target,
  unfinished,
  type World,
} from './testing-world.ts'

const refuse = (broken: readonly string[]): void => {
  if (broken.length > 0) throw new Error(broken.join('; '))
}

export type Crash = 'none' | 'before the write' | 'after the write'

export const saveRecord = (target: Target, record: Remediation): Remediation => {
  const before = target.records.find(({ metadata }) => metadata.uid === record.metadata.uid)?.status
  if (before?.finishedAt !== undefined && record.status !== before)
    throw new Error(`a finished record was ${before.phase} and became ${record.status?.phase} ${record.status?.reason}`)
  target.records = [record, ...target.records.filter(({ metadata }) => metadata.uid !== record.metadata.uid)].toSorted(
    (a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1),
  )
  return record
}

const newRecord = (
  world: World,
  target: Target,
  policy: { name: string; uid: string; generation: number },
): Remediation => {
  const name = `record-${(world.serial += 1)}`
  return {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: formatTime(world.now) },
    spec: {
      policy,
      cause: isNode(target) ? 'IptablesChainMissing' : 'ProjectNotFound',
      target: refOf(target),
      templateHash: hashOfTemplate(target),
    },
  }
}

const write = (world: World, target: Target, record: Remediation, change: Change): Remediation =>
  saveRecord(target, { ...record, status: nextStatus(record.status ?? {}, { ...change, at: world.now }) })

const recordFor = (world: World, target: Target, { policy }: VerdictOf<'Hold' | 'Act'>): Remediation =>
  openRecordOf(target.records, hashOfTemplate(target)) ?? saveRecord(target, newRecord(world, target, policy))

/** Writes to the cluster, as `act` does: only to what still is as planned. */
const perform = (world: World, target: Target, plan: Plan): 'Done' | 'Stale' => {
  switch (plan.type) {
    case 'RewriteImage': {
      const [change] = (plan as RewriteImagePlan).changes
      if (!change || target.image !== change.was) return 'Stale'
      if (target.image !== change.to) target.version += 1
      target.image = change.to
      return 'Done'
    }
    case 'RecyclePod': {
      const uids = new Set((plan as RecyclePodPlan).pods.map(({ uid }) => uid))
      const gone = target.pods.filter(({ uid }) => uids.has(uid))
      target.pods = [...target.pods.filter(({ uid }) => !uids.has(uid)), ...gone.map(() => brokenPod(world, target))]
      return gone.length === 0 ? 'Stale' : 'Done'
    }
    case 'FlagNode':
      target.flagged = (plan as FlagNodePlan).detail
      return 'Done'
    default:
      for (const { name } of (plan as TaskPlan).tasks) {
        if (!target.tasks.some((task) => task.name === name)) target.tasks.push({ name })
      }
      return 'Done'
  }
}

const finish = (world: World, target: Target, record: Remediation, plan: Plan, crash: Crash): void => {
  if (crash === 'before the write') return
  const done = perform(world, target, plan)
  if (crash === 'after the write') return
  if (done === 'Stale')
    world.begun = world.begun.filter(({ target: of, at: began }) => of !== target || began !== world.now)
  const outcome =
    done === 'Done'
      ? ({ kind: 'Done', at: world.now, wrote: [], left: [] } as const)
      : ({ kind: 'Stale', why: 'it changed' } as const)
  write(world, target, record, { kind: 'Acted', outcome })
}

const carryOut = (world: World, target: Target, verdict: Exclude<Verdict, { kind: 'Ask' }>, crash: Crash): void => {
  switch (verdict.kind) {
    case 'Ignore':
      for (const record of target.records.filter(isOpen)) {
        write(world, target, record, { kind: 'Closed', reason: 'Recovered', message: verdict.why })
      }
      return
    case 'Hold': {
      refuse(neglected(world, target, verdict))
      const { plan, reason, policy } = verdict
      if (reason === 'AwaitingApproval' && plan && !verdict.ends) {
        const { planHash, expiresAt } = openRecordOf(target.records, hashOfTemplate(target))?.status ?? {}
        const timeout = ms(world.policies.get(policy.name)?.spec.approvalTimeout ?? '0s')
        // A record that ended takes the approvals on it with it.
        if (planHash !== plan.hash || expiresAt === undefined) {
          world.shown.set(target.uid, { hash: plan.hash, diff: plan.diff, until: world.now + timeout })
          world.approved.delete(plan.hash)
        }
      }
      if (endsUnrecorded(target.records, hashOfTemplate(target), verdict)) return
      write(world, target, recordFor(world, target, verdict), { kind: 'Held', verdict })
      return
    }
    case 'Act': {
      const { plan, policy, attempt, resume } = verdict
      refuse(broken(world, target, verdict))
      const counted = world.begun.some(
        (one) => one.target === target && one.attempt === attempt && one.policy === policy.name,
      )
      if (!resume && !counted) world.begun.push({ policy: policy.name, target, attempt, at: world.now })
      const record = write(world, target, recordFor(world, target, verdict), { kind: 'Intended', verdict })
      finish(world, target, record, plan, crash)
      return
    }
    case 'Verify': {
      const record = target.records.find(unfinished)
      if (!record) throw new Error('a verdict on an attempt that is not in progress')
      if (verdict.next?.kind === 'Undo') {
        const { plan } = verdict.next
        // One that a crash interrupted after its write is only recorded.
        const isWritten = (plan as RewriteImagePlan).changes.every(({ to }) => to === target.image)
        if (!isWritten) refuse(wronglyUndone(world, target, record))
        finish(world, target, write(world, target, record, { kind: 'UndoIntended', plan }), plan, crash)
        return
      }
      if (verdict.outcome === 'Succeeded' && verdict.reason !== 'Flagged') {
        refuse(unproved(world, target))
      }
      write(world, target, record, { kind: 'Verified', verdict })
    }
  }
}

export const reconcile = (world: World, target: Target, crash: Crash): void => {
  if (target.pods.every((pod) => !fails(pod)) && !target.records.some(isOpen)) return
  let facts: Facts = { registry: {} }
  for (let round = 0; round < 9; round += 1) {
    const verdict = decide(inputOf(world, target, facts))
    if (verdict.kind !== 'Ask') return carryOut(world, target, verdict, crash)
    facts = read(world, target, verdict.facts, facts)
  }
  throw new Error('it asks for the same facts again')
}

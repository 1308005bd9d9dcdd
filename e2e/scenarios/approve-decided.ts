/** A person is asked, and says yes, no or nothing. */
import assert from 'node:assert/strict'
import { eventOf, imageOf, readUntouched, repaired } from '../held.ts'
import { asked } from '../pending-approval.ts'
import { NEW } from '../registries.ts'
import type { Scenario } from '../scenario.ts'
import { userNamed } from '../users.ts'

const APPROVER = ['podmend-approver']

const granted: Scenario = {
  name: 'approve-granted',
  title: 'a plan awaits approval, a named user approves it with kubectl mend, and it is carried out',
  core: true,
  run: async (fixture) => {
    const { record, planHash } = await asked(fixture)
    const anna = await userNamed(fixture, 'anna', APPROVER)
    const { name, uid } = record.metadata
    const shown = await anna.mend('approve', name)
    assert.equal(shown.status, 2, shown.err)
    assert.ok(shown.out.includes(`+ image: ${NEW}/web:1`), 'the plan is shown, and nothing approved without a terminal')
    const began = Date.now()
    const { status, out, err } = await anna.mend('approve', name, '--plan', planHash)
    assert.equal(status, 0, err)
    assert.match(out, /approved by anna/)
    const done = await repaired(fixture, began, 'the approval')
    assert.equal(done.metadata.uid, uid)
    assert.deepEqual(done.spec.approval, { decision: 'Approved', planHash, by: 'anna' })
    assert.equal(await imageOf(fixture), `${NEW}/web:1`)
  },
}

const denied: Scenario = {
  name: 'approve-denied',
  title: 'a plan that a user denies is Cancelled, with the user and the reason, and nothing is changed',
  core: true,
  run: async (fixture) => {
    const { record, was } = await asked(fixture)
    const anna = await userNamed(fixture, 'anna', APPROVER)
    const began = Date.now()
    const { status, err } = await anna.mend('deny', record.metadata.name, '--yes', '--reason', 'not on a Friday')
    assert.equal(status, 0, err)
    const done = await fixture.record({ phase: 'Cancelled', reason: 'Denied' })
    fixture.note(`Cancelled ${((Date.now() - began) / 1000).toFixed(1)} s after the denial`)
    assert.match(done.status?.message ?? '', /anna.*not on a Friday/)
    assert.match((await eventOf(fixture, done, 'Denied')).message ?? '', /anna.*not on a Friday/)
    assert.deepEqual(await readUntouched(fixture), was)
  },
}

const expired: Scenario = {
  name: 'approve-expired',
  title: 'a plan that is not decided in time is Cancelled, and a late approval is refused',
  run: async (fixture) => {
    const { record, was } = await asked(fixture, { approvalTimeout: '1m' })
    const anna = await userNamed(fixture, 'anna', APPROVER)
    const done = await fixture.record({ phase: 'Cancelled', reason: 'Expired' })
    const ended = Date.parse(done.status?.finishedAt ?? '') - Date.parse(record.status?.expiresAt ?? '')
    fixture.note(`Cancelled ${(ended / 1000).toFixed(1)} s after it expired`)
    assert.ok(ended >= 0, 'not before its time')
    await eventOf(fixture, done, 'Expired')
    const late = await anna.mend('approve', record.metadata.name, '--yes')
    assert.equal(late.status, 1)
    assert.match(late.err, /it is Cancelled \(Expired\)/)
    assert.deepEqual(await readUntouched(fixture), was)
  },
}

export const scenarios: readonly Scenario[] = [granted, denied, expired]

/** An approval that the API server does not take. */
import assert from 'node:assert/strict'
import { readUntouched } from '../held.ts'
import { asked } from '../pending-approval.ts'
import type { Scenario } from '../scenario.ts'
import { type User, userNamed } from '../users.ts'

const ROLE = 'remediation-editor'
const ADMISSION = /podmend-approval/

const patch = (person: User, name: string, approval: object): Promise<string> =>
  person.kubectl('patch', 'rem', name, '--type=merge', '-p', JSON.stringify({ spec: { approval } }))

const withoutRight: Scenario = {
  name: 'approve-without-right',
  title: 'the API server refuses the approval of a user without the verb approve, with or without kubectl mend',
  core: true,
  run: async (fixture) => {
    const { record, was, planHash } = await asked(fixture)
    const { name } = record.metadata
    // May write Remediations, but not approve them; bound in this namespace alone.
    await fixture.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: `e2e-${ROLE}` },
      rules: [{ apiGroups: ['podmend.io'], resources: ['remediations'], verbs: ['get', 'list', 'patch', 'update'] }],
    })
    fixture.onEnd(() => fixture.kubectl(['delete', 'clusterrole', `e2e-${ROLE}`, '--ignore-not-found']))
    const ben = await userNamed(fixture, 'ben', [`e2e-${ROLE}`])
    const carl = await userNamed(fixture, 'carl', ['view'])
    const refused = await ben.mend('approve', name, '--plan', planHash)
    assert.equal(refused.status, 1)
    assert.match(refused.err, /ben is not allowed to approve in namespace .*lacks the verb approve/)
    assert.match(refused.err, /kubectl create rolebinding NAME .*--clusterrole=podmend-approver --user=ben/)
    await assert.rejects(patch(ben, name, { decision: 'Approved', planHash, by: 'ben' }), ADMISSION)
    const viewer = await carl.mend('approve', name, '--plan', planHash)
    assert.equal(viewer.status, 1)
    assert.match(viewer.err, /not allowed to patch remediations/)
    fixture.note('refused: a user who may edit, a user who may view')
    const still = await fixture.record({ phase: 'AwaitingApproval' })
    assert.equal(still.spec.approval, undefined)
    assert.deepEqual(await readUntouched(fixture), was)
  },
}

const otherThanShown: Scenario = {
  name: 'approve-other-than-shown',
  title: "an approval in another user's name, or of another plan, is refused even for users who may approve",
  core: true,
  run: async (fixture) => {
    const { record, was, planHash } = await asked(fixture)
    const { name } = record.metadata
    const anna = await userNamed(fixture, 'anna', ['podmend-approver'])
    const other = planHash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
    const approved = { decision: 'Approved', planHash, by: 'anna' }
    await assert.rejects(patch(anna, name, { ...approved, by: 'ben' }), /spec\.approval\.by: found ben, expected anna/)
    await assert.rejects(patch(anna, name, { ...approved, planHash: other }), /planHash/)
    const mistyped = await anna.mend('approve', name, '--plan', other)
    assert.equal(mistyped.status, 1)
    assert.match(mistyped.err, /proposes plan .*: review it again/)
    const { spec } = await fixture.record({ phase: 'AwaitingApproval' })
    assert.equal(spec.approval, undefined)
    assert.deepEqual(await readUntouched(fixture), was)

    // The policy changes: another plan, and what was read before is not approved any more.
    await fixture.policy({ mode: 'Approve', priority: 1 })
    const anew = await fixture.eventually(async () => {
      const now = await fixture.record({ phase: 'AwaitingApproval' })
      assert.notEqual(now.status?.planHash, planHash)
      return now
    })
    const began = Date.now()
    await assert.rejects(patch(anna, name, approved), /planHash/)
    assert.deepEqual(await readUntouched(fixture), was)
    const taken = await anna.mend('approve', name, '--plan', anew.status?.planHash ?? '')
    assert.equal(taken.status, 0, taken.err)
    await fixture.record({ phase: 'Succeeded' })
    fixture.note(`the current plan: Succeeded ${((Date.now() - began) / 1000).toFixed(1)} s after its approval`)
  },
}

export const scenarios: readonly Scenario[] = [withoutRight, otherThanShown]

/** The policy, the operator's owner or whoever edits the workload says no. */
import assert from 'node:assert/strict'
import { eventOf, held, imageOf, LABELS, readUntouched, repaired } from '../held.ts'
import { BROKEN, deployment } from '../objects.ts'
import { NAMESPACE } from '../operator.ts'
import { NEW } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

const reverted: Scenario = {
  name: 'held-reverted',
  title: 'a change that a user reverts is not written again, and the record names the user',
  run: async (fixture) => {
    const { namespace, apply, policy, kubectl, failing, records, eventually } = fixture
    await policy({ limits: { cooldown: '10s', maxAttempts: 5 } })
    await apply(deployment(namespace))
    await repaired(fixture, Date.now(), 'it was applied')
    assert.equal(await imageOf(fixture), `${NEW}/web:1`)
    await kubectl(['set', 'image', 'deployment/web', `web=${BROKEN}`, '-n', namespace, '--field-manager=anna'])
    const began = Date.now()
    await failing(LABELS)
    const was = await readUntouched(fixture)
    const record = await eventually(async () => {
      const found = await records()
      const told = found.find(({ status }) => status?.reason === 'EditReverted')
      if (!told)
        throw new Error(`expected a record EditReverted, found: ${found.map(({ status }) => status?.reason).join(' ')}`)
      return told
    })
    fixture.note(`EditReverted ${((Date.now() - began) / 1000).toFixed(1)} s after the edit`)
    assert.equal(record.status?.phase, 'Held')
    const [success, ...more] = (await records()).filter(({ metadata }) => metadata.uid !== record.metadata.uid)
    assert.deepEqual(more, [], 'one record of the success, one of the revert')
    assert.equal(success?.status?.phase, 'Succeeded', 'a success stays as it ended')
    assert.equal(success.status.cause, 'ProjectNotFound', 'the cause from the registry is kept')
    assert.match(record.status.message ?? '', /^anna at .*Deployment \S+\/web/)
    assert.ok((record.status.message ?? '').includes(BROKEN))
    assert.match((await eventOf(fixture, record, 'EditReverted')).message ?? '', /anna/)
    assert.equal(was.image, BROKEN)
    assert.deepEqual((await readUntouched(fixture)).workload, was.workload)
  },
}

const paused = held({
  name: 'operator-paused',
  title: 'the annotation on its namespace pauses the whole operator, which continues once it is removed',
  // It is everybody's operator.
  alone: true,
  before: async ({ kubectl, onEnd }) => {
    onEnd(() => kubectl(['annotate', 'namespace', NAMESPACE, 'podmend.io/paused-']))
    await kubectl(['annotate', '--overwrite', 'namespace', NAMESPACE, 'podmend.io/paused=true'])
  },
  reason: 'OperatorPaused',
  says: 'podmend.io/paused',
  after: async (fixture) => {
    await fixture.kubectl(['annotate', 'namespace', NAMESPACE, 'podmend.io/paused-'])
    await repaired(fixture, Date.now(), 'the pause ended')
  },
})

export const scenarios: readonly Scenario[] = [
  held({
    name: 'observing',
    title: 'a policy in mode Observe shows its plan and changes nothing',
    policy: () => ({ mode: 'Observe' }),
    phase: 'Observed',
    reason: 'ObserveOnly',
    says: 'policy e2e-held-observing',
    after: async (_, { status }) => {
      const [step] = status?.steps ?? []
      assert.equal(step?.state, 'Planned')
      assert.ok(step.diff?.includes(`+ image: ${NEW}/web:1`), `the diff: ${step.diff}`)
    },
  }),
  held({
    name: 'suspended',
    title: 'a suspended policy holds, and acts once it is resumed',
    policy: () => ({ suspend: true }),
    reason: 'PolicySuspended',
    says: 'policy e2e-held-suspended',
    after: async (fixture) => {
      await fixture.policy({ suspend: false })
      await repaired(fixture, Date.now(), 'the policy was resumed')
    },
  }),
  reverted,
  paused,
]

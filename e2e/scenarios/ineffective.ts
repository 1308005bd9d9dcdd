/** The new image is written, and does not run either. */
import assert from 'node:assert/strict'
import { eventOf, imageOf } from '../held.ts'
import { deployment } from '../objects.ts'
import { NEW, OLD } from '../registries.ts'
import type { Fixture, Scenario } from '../scenario.ts'

/** Its program ends at once. */
const FAILING = `${OLD}/failing:1`
/** There is none, at neither place. */
const NOWHERE = `${OLD}/nowhere:1`
const ORIGINAL = 'podmend.io/original-image'

const rewrite = (more: object = {}) => ({
  actions: [
    // No time is enough for what cannot run.
    { type: 'RewriteImage', timeout: '10s', rewriteImage: { rules: [{ from: `${OLD}/`, to: `${NEW}/` }], ...more } },
  ],
})

/** What became of the steps that were carried out; a next one that is only planned shows what would be tried. */
const attempted = async ({ records }: Fixture): Promise<readonly string[]> =>
  (await records())
    .flatMap(({ status }) => status?.steps ?? [])
    .flatMap(({ state }) => (state === 'Planned' ? [] : [state]))

const expectAsBefore = async (fixture: Fixture, image: string): Promise<void> => {
  const { metadata } = await fixture.workload('Deployment')
  assert.equal(await imageOf(fixture), image)
  assert.equal(metadata.annotations?.[ORIGINAL], undefined)
}

const kept: Scenario = {
  name: 'ineffective-kept',
  title: 'an image whose program exits at once is Ineffective, and is kept by default',
  run: async (fixture) => {
    await fixture.policy(rewrite())
    await fixture.apply(deployment(fixture.namespace, { image: FAILING }))
    const done = await fixture.record({ phase: 'Ineffective', reason: 'DidNotHelp' })
    const { actedAt = '', finishedAt = '' } = done.status?.steps?.[0] ?? {}
    fixture.note(`Ineffective ${((Date.parse(finishedAt) - Date.parse(actedAt)) / 1000).toFixed(1)} s after the write`)
    const [pod] = (await fixture.pods('app=web')).filter(
      ({ spec }) => spec?.containers?.[0]?.image === `${NEW}/failing:1`,
    )
    assert.ok((pod?.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0, 'it really started and ended')
    await eventOf(fixture, done, 'DidNotHelp')
    assert.equal(await imageOf(fixture), `${NEW}/failing:1`)
    assert.equal(done.status?.attempts?.length, 1)
  },
}

const undone: Scenario = {
  name: 'ineffective-undone',
  title: 'a change that does not help is undone if the policy says so, and maxAttempts bounds the attempts',
  run: async (fixture) => {
    await fixture.policy({ ...rewrite(), onIneffective: 'Undo', limits: { cooldown: '10s', maxAttempts: 2 } })
    await fixture.apply(deployment(fixture.namespace, { image: FAILING }))
    const before = Date.now()
    await fixture.eventually(async () =>
      assert.deepEqual((await attempted(fixture)).slice(0, 2), ['Ineffective', 'Undone']),
    )
    fixture.note(`undone after ${((Date.now() - before) / 1000).toFixed(1)} s`)
    const spent = await fixture.record({ phase: 'Held', reason: 'AttemptsSpent' })
    fixture.note(`gave up after ${((Date.now() - before) / 1000).toFixed(1)} s`)
    const [first, second] = await fixture.records()
    assert.deepEqual([first?.status?.phase, second?.status?.phase], ['Ineffective', 'Ineffective'])
    assert.deepEqual([first?.status?.attempts?.length, second?.status?.attempts?.length], [1, 1])
    assert.equal(spent.status?.cause, 'ProjectNotFound', 'the cause from the registry is kept')
    assert.deepEqual(await attempted(fixture), ['Ineffective', 'Undone', 'Ineffective', 'Undone'])
    await eventOf(fixture, spent, 'Undone')
    await eventOf(fixture, spent, 'AttemptsSpent')
    await expectAsBefore(fixture, FAILING)
    // Created once, written and undone twice.
    assert.equal((await fixture.workload('Deployment')).metadata.generation, 5)
  },
}

const unpullable: Scenario = {
  name: 'ineffective-unpullable',
  title: 'an unverified target image that cannot be pulled either is undone',
  run: async (fixture) => {
    const policy = { ...rewrite({ verify: 'Never' }), onIneffective: 'Undo' }
    await fixture.policy({ ...policy, limits: { cooldown: '10s', maxAttempts: 1 } })
    await fixture.apply(deployment(fixture.namespace, { image: NOWHERE }))
    const began = Date.now()
    const done = await fixture.record({ phase: 'Ineffective', reason: 'Undone' })
    // One more record, because the image from before still fails.
    await fixture.record({ phase: 'Held', reason: 'AttemptsSpent' })
    fixture.note(`gave up after ${((Date.now() - began) / 1000).toFixed(1)} s`)
    assert.equal(done.status?.attempts?.length, 1)
    assert.deepEqual(await attempted(fixture), ['Ineffective', 'Undone'])
    await expectAsBefore(fixture, NOWHERE)
    assert.equal((await fixture.workload('Deployment')).metadata.generation, 3)
  },
}

export const scenarios: readonly Scenario[] = [kept, undone, unpullable]

/** The new image is written, and does not run either. */
import assert from 'node:assert/strict'
import { eventOf, imageOf } from '../left-alone.ts'
import { deployment } from '../objects.ts'
import { NEW, OLD } from '../registries.ts'
import type { Scenario, Stage } from '../scenario.ts'

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
const begun = async ({ records }: Stage): Promise<readonly string[]> =>
  (await records())
    .flatMap(({ status }) => status?.steps ?? [])
    .flatMap(({ state }) => (state === 'Planned' ? [] : [state]))

const expectAsBefore = async (stage: Stage, image: string): Promise<void> => {
  const { metadata } = await stage.workload('Deployment')
  assert.equal(await imageOf(stage), image)
  assert.equal(metadata.annotations?.[ORIGINAL], undefined)
}

const kept: Scenario = {
  name: 'ineffective-kept',
  title: 'an image whose program ends at once is Ineffective, and is kept where the policy says nothing else',
  run: async (stage) => {
    await stage.policy(rewrite())
    await stage.apply(deployment(stage.namespace, { image: FAILING }))
    const done = await stage.record({ phase: 'Ineffective', reason: 'DidNotHelp' })
    const { actedAt = '', finishedAt = '' } = done.status?.steps?.[0] ?? {}
    stage.note(`Ineffective ${((Date.parse(finishedAt) - Date.parse(actedAt)) / 1000).toFixed(1)} s after the write`)
    const [pod] = (await stage.pods('app=web')).filter(
      ({ spec }) => spec?.containers?.[0]?.image === `${NEW}/failing:1`,
    )
    assert.ok((pod?.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0, 'it really started and ended')
    await eventOf(stage, done, 'DidNotHelp')
    assert.equal(await imageOf(stage), `${NEW}/failing:1`)
    assert.equal(done.status?.attempts?.length, 1)
  },
}

const undone: Scenario = {
  name: 'ineffective-undone',
  title: 'what does not help is undone where the policy says so, and no more is tried than maxAttempts',
  run: async (stage) => {
    await stage.policy({ ...rewrite(), onIneffective: 'Undo', limits: { cooldown: '10s', maxAttempts: 2 } })
    await stage.apply(deployment(stage.namespace, { image: FAILING }))
    const before = Date.now()
    await stage.eventually(async () => assert.deepEqual((await begun(stage)).slice(0, 2), ['Ineffective', 'Undone']))
    stage.note(`undone after ${((Date.now() - before) / 1000).toFixed(1)} s`)
    const spent = await stage.record({ reason: 'AttemptsSpent' })
    stage.note(`given up after ${((Date.now() - before) / 1000).toFixed(1)} s`)
    assert.equal(spent.status?.phase, 'Ineffective')
    assert.equal(spent.status?.attempts?.length, 2)
    assert.equal(spent.status.cause, 'ProjectNotFound', 'what the registry told is not forgotten')
    assert.deepEqual(await begun(stage), ['Ineffective', 'Undone', 'Ineffective', 'Undone'])
    await eventOf(stage, spent, 'Undone')
    await eventOf(stage, spent, 'AttemptsSpent')
    await expectAsBefore(stage, FAILING)
    // Made once, written and taken back twice.
    assert.equal((await stage.workload('Deployment')).metadata.generation, 5)
  },
}

const unpullable: Scenario = {
  name: 'ineffective-unpullable',
  title: 'an image that cannot be pulled from the new place either, written unverified, is undone',
  run: async (stage) => {
    const policy = { ...rewrite({ verify: 'Never' }), onIneffective: 'Undo' }
    await stage.policy({ ...policy, limits: { cooldown: '10s', maxAttempts: 1 } })
    await stage.apply(deployment(stage.namespace, { image: NOWHERE }))
    const began = Date.now()
    // One record, though the pod of the revision that was taken back is left standing and goes on failing.
    const spent = await stage.record({ phase: 'Ineffective', reason: 'AttemptsSpent' })
    stage.note(`given up after ${((Date.now() - began) / 1000).toFixed(1)} s`)
    assert.equal(spent.status?.attempts?.length, 1)
    assert.deepEqual(await begun(stage), ['Ineffective', 'Undone'])
    await expectAsBefore(stage, NOWHERE)
    assert.equal((await stage.workload('Deployment')).metadata.generation, 3)
  },
}

export const scenarios: readonly Scenario[] = [kept, undone, unpullable]

/** The fourth incident: a mistyped repository, or missing credentials? The registry's message is the same. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { barePod, pullSecret } from '../objects.ts'
import { HOST } from '../registries.ts'
import type { Scenario } from '../scenario.ts'
import { breakSite, explained, MEANT, MISTYPED, policyThat } from '../typo.ts'

const LEFT_ALONE_MS = 10_000
const PRIVATE = `${HOST}/team/web:1`

const typo: Scenario = {
  name: 'd-typo',
  title:
    'a bare pod with one running container and one mistyped image is explained, with the intended image, and not changed',
  core: true,
  run: async (fixture) => {
    await policyThat(fixture, 'Ignore')
    const stuck = await breakSite(fixture)
    assert.equal(stuck.status?.phase, 'Pending')
    const found = await fixture.record({ phase: 'Held', reason: 'TargetUnverified' })
    assert.equal(found.spec.cause, 'RepositoryNotFoundOrDenied')
    assert.deepEqual(explained(found), [
      ['LikelyTypo', `docker.io/${MEANT}`],
      ['MissingCredentials', undefined],
    ])
    fixture.note(`${found.status?.explanations?.[0]?.kind}, suggested image ${found.status?.explanations?.[0]?.image}`)
    await sleep(LEFT_ALONE_MS)
    const [same] = await fixture.pods('app=rss-site')
    assert.equal(same?.metadata.uid, stuck.metadata.uid)
    assert.equal(same?.spec?.containers?.[1]?.image, MISTYPED)
    const nginx = same?.status?.containerStatuses?.find(({ name }) => name === 'nginx')
    assert.ok(nginx?.state?.running)
  },
}

const applied: Scenario = {
  name: 'd-typo-applied',
  title: 'if the policy applies suggestions, the intended image is written, because the registry has it',
  core: true,
  run: async (fixture) => {
    // Broken first: with the policy there it may be mended before it is seen to fail.
    const stuck = await breakSite(fixture)
    await policyThat(fixture, 'Apply')
    await fixture.record({ phase: 'Succeeded' })
    const [pod] = await fixture.running(1, 'app=rss-site')
    assert.equal(pod?.metadata.uid, stuck.metadata.uid, 'the pod itself was mended')
    assert.equal(pod?.spec?.containers?.[1]?.image, `docker.io/${MEANT}`)
  },
}

const credentials: Scenario = {
  name: 'd-credentials',
  title: 'a correct name with a missing pull secret is reported as such, and no other image is written',
  core: true,
  run: async (fixture) => {
    const { namespace, apply, running, failing, record, pods, note } = fixture
    await policyThat(fixture, 'Apply')
    await apply(pullSecret(namespace))
    await apply(
      barePod(namespace, { name: 'entitled', image: PRIVATE, podSpec: { imagePullSecrets: [{ name: 'pull' }] } }),
    )
    await running(1, 'app=entitled')
    // Another tag of the same repository, which is not on the node yet.
    await apply(barePod(namespace, { name: 'forgotten', image: `${HOST}/team/web:2` }))
    await failing('app=forgotten')
    const found = await record({ phase: 'Held' })
    assert.deepEqual(explained(found), [['MissingCredentials', undefined]])
    note(found.status?.explanations?.[0]?.message ?? '')
    await sleep(LEFT_ALONE_MS)
    const [same] = await pods('app=forgotten')
    assert.equal(same?.spec?.containers?.[0]?.image, `${HOST}/team/web:2`)
  },
}

export const scenarios: readonly Scenario[] = [typo, applied, credentials]

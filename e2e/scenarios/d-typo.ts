/** The fourth incident's shape: a mistyped repository beside a container that runs. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { barePod } from '../objects.ts'
import type { Scenario } from '../scenario.ts'

const LEFT_ALONE_MS = 10_000
const MISTYPED = 'nickchase/rss-php-ngnix:v1'

const typo: Scenario = {
  name: 'd-typo',
  title: 'a bare pod, one container running, one with a mistyped image: reported and not touched',
  run: async ({ namespace, apply, policy, failing, record, pods }) => {
    await policy()
    await apply(
      barePod(namespace, {
        name: 'rss-site',
        podSpec: {
          containers: [
            { name: 'nginx', image: 'nginx:1' },
            { name: 'rss-site', image: MISTYPED },
          ],
        },
      }),
    )
    const stuck = await failing('app=rss-site')
    assert.equal(stuck.status?.phase, 'Pending')
    const { spec } = await record()
    assert.equal(spec.cause, 'RepositoryNotFoundOrDenied')
    await sleep(LEFT_ALONE_MS)
    const [same] = await pods('app=rss-site')
    assert.equal(same?.metadata.uid, stuck.metadata.uid)
    assert.equal(same?.spec?.containers?.[1]?.image, MISTYPED)
    const nginx = same?.status?.containerStatuses?.find(({ name }) => name === 'nginx')
    assert.ok(nginx?.state?.running)
  },
}

export const scenarios: readonly Scenario[] = [typo]

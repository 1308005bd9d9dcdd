import { expect, test } from 'vitest'
import type { Pod } from '../../src/model/kubernetes.ts'
import { NEW, OLD, useFixture } from '../repair/fixture.ts'
import { cronJob } from '../repair/objects.ts'
import { crashAtEveryWrite, type CrashScenario } from './driver.ts'

const fixture = useFixture({ runs: false })

/** Their rehearsals have another query. */
const TEMPLATE = /PATCH .*\/cronjobs\/web\?fieldManager/
const POD = /PATCH .*\/pods\/stuck-[^/?]*\?fieldManager/

const imagesOf = (pods: readonly Pod[]) => pods.map(({ spec }) => spec?.containers?.map(({ image }) => image))

const scenario: CrashScenario = {
  begin: async (namespace) => {
    await fixture.policy(namespace)
    await fixture.apply(cronJob(namespace, { image: `${OLD}/web:1` }, { concurrencyPolicy: 'Forbid' }))
    await fixture.cluster.kubectl(['create', 'job', 'stuck', '--from=cronjob/web', '-n', namespace])
  },
  ended: (namespace) => fixture.record(namespace, { phase: 'Succeeded' }, { timeoutMs: 0 }),
  check: async (namespace, { status }) => {
    expect(status?.attempts).toHaveLength(1)
    const pods = await fixture.pods(namespace)
    expect(imagesOf(pods)).toEqual([[`${NEW}/web:1`]])
    expect(fixture.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)).toEqual([
      `patch cronjobs.batch ${namespace}/web`,
      `patch pods ${namespace}/${pods[0]?.metadata.name}`,
    ])
    const { spec } = await fixture.workload('CronJob', namespace)
    expect(spec?.jobTemplate?.spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
  },
}

test('killed after any write to a CronJob and its waiting pod, it writes to each once', async () => {
  const places = await crashAtEveryWrite(fixture, 'after', scenario, { surely: [TEMPLATE, POD] })
  for (const write of [TEMPLATE, POD]) expect(places.some((place) => write.test(place))).toBe(true)
}, 400_000)

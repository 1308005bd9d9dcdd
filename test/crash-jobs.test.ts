import { expect, test } from 'vitest'
import type { Pod } from '../src/model/kubernetes.ts'
import { crashAtEveryWrite, type Play } from './crash-play.ts'
import { cronJob } from './repair-objects.ts'
import { NEW, OLD, useScene } from './repair-scene.ts'

const scene = useScene({ runs: false })

/** Their rehearsals have another query. */
const TEMPLATE = /PATCH .*\/cronjobs\/web\?fieldManager/
const POD = /PATCH .*\/pods\/stuck-[^/?]*\?fieldManager/

const imagesOf = (pods: readonly Pod[]) => pods.map(({ spec }) => spec?.containers?.map(({ image }) => image))

const play: Play = {
  begin: async (namespace) => {
    await scene.policy(namespace)
    await scene.apply(cronJob(namespace, { image: `${OLD}/web:1` }, { concurrencyPolicy: 'Forbid' }))
    await scene.bed.kubectl(['create', 'job', 'stuck', '--from=cronjob/web', '-n', namespace])
  },
  ended: (namespace) => scene.record(namespace, { phase: 'Succeeded' }, { timeoutMs: 0 }),
  check: async (namespace, { status }) => {
    expect(status?.attempts).toHaveLength(1)
    const pods = await scene.pods(namespace)
    expect(imagesOf(pods)).toEqual([[`${NEW}/web:1`]])
    expect(scene.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)).toEqual([
      `patch cronjobs.batch ${namespace}/web`,
      `patch pods ${namespace}/${pods[0]?.metadata.name}`,
    ])
    const { spec } = await scene.workload('CronJob', namespace)
    expect(spec?.jobTemplate?.spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
  },
}

test('killed after any write to a CronJob and its stuck pod, it writes to each once', async () => {
  const places = await crashAtEveryWrite(scene, 'after', play, { surely: [TEMPLATE, POD] })
  for (const write of [TEMPLATE, POD]) expect(places.some((place) => write.test(place))).toBe(true)
}, 400_000)

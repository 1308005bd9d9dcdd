import { expect, test } from 'vitest'
import { eventually } from '../testbed/fixture.ts'
import { crashAtEveryWrite } from './crash-play.ts'
import { deployment, statefulSet } from './repair-objects.ts'
import { NEW, OLD, useScene } from './repair-scene.ts'

const scenes = { statefulSet: useScene({ runs: false }), undo: useScene({ runs: false }) }

const DELETION = /DELETE .*\/pods\/web-0$/

test.concurrent('killed after any write to a StatefulSet, it deletes each stuck pod once at most', async () => {
  const scene = scenes.statefulSet
  const places = await crashAtEveryWrite(
    scene,
    'after',
    {
      begin: async (namespace) => {
        await scene.policy(namespace)
        await scene.apply(statefulSet(namespace, { replicas: 2 }))
      },
      ended: (namespace) => scene.record(namespace, { phase: 'Succeeded' }, { timeoutMs: 0 }),
      check: async (namespace, { status }) => {
        expect(status?.attempts).toHaveLength(1)
        expect(scene.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)).toEqual([
          `patch statefulsets.apps ${namespace}/web`,
          `delete pods ${namespace}/web-0`,
        ])
        const { spec } = await scene.workload('StatefulSet', namespace)
        expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
      },
    },
    { surely: [DELETION] },
  )
  expect(places.some((place) => DELETION.test(place))).toBe(true)
}, 400_000)

test.concurrent('killed after any write of taking a remedy back, it takes it back once', async () => {
  const scene = scenes.undo
  const rules = [{ from: `${OLD}/`, to: `${NEW}/` }]
  const play = {
    begin: async (namespace: string) => {
      await scene.policy(namespace, {
        actions: [{ type: 'RewriteImage', timeout: '5s', rewriteImage: { rules } }],
        onIneffective: 'Undo',
        limits: { maxAttempts: 1 },
      })
      await scene.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
    },
    ended: async (namespace: string) => {
      const record = await scene.record(namespace, {}, { timeoutMs: 0 })
      const begun = record.status?.steps?.filter(({ state }) => state !== 'Planned')
      expect(begun?.map(({ state }) => state)).toEqual(['Ineffective', 'Undone'])
      return record
    },
    check: (namespace: string, record: Awaited<ReturnType<typeof scene.record>>) =>
      eventually(async () => {
        expect(record.status?.attempts).toHaveLength(1)
        const { spec, metadata } = await scene.workload('Deployment', namespace)
        expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${OLD}/crashing:1`)
        expect(metadata.annotations?.['podmend.io/original-image']).toBeUndefined()
        expect(scene.writes(namespace).map(({ verb }) => verb)).toEqual(['patch', 'patch'])
      }),
  }
  // The writes before these are those of every repair.
  const places = await crashAtEveryWrite(scene, 'after', play, { from: 8 })
  expect(places.length).toBeGreaterThan(0)
}, 400_000)

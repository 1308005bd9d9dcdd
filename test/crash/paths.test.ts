import { expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { NEW, OLD, useFixture } from '../repair/fixture.ts'
import { deployment, statefulSet } from '../repair/objects.ts'
import { crashAtEveryWrite } from './driver.ts'

const fixtures = { statefulSet: useFixture({ runs: false }), undo: useFixture({ runs: false }) }

const DELETION = /DELETE .*\/pods\/web-0$/

test.concurrent('killed after any write to a StatefulSet, it deletes each stuck pod once at most', async () => {
  const fixture = fixtures.statefulSet
  const places = await crashAtEveryWrite(
    fixture,
    'after',
    {
      begin: async (namespace) => {
        await fixture.policy(namespace)
        await fixture.apply(statefulSet(namespace, { replicas: 2 }))
      },
      ended: (namespace) => fixture.record(namespace, { phase: 'Succeeded' }, { timeoutMs: 0 }),
      check: async (namespace, { status }) => {
        expect(status?.attempts).toHaveLength(1)
        expect(fixture.writes(namespace).map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)).toEqual([
          `patch statefulsets.apps ${namespace}/web`,
          `delete pods ${namespace}/web-0`,
        ])
        const { spec } = await fixture.workload('StatefulSet', namespace)
        expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
      },
    },
    { surely: [DELETION] },
  )
  expect(places.some((place) => DELETION.test(place))).toBe(true)
}, 400_000)

test.concurrent('killed after any write of taking a remedy back, it takes it back once', async () => {
  const fixture = fixtures.undo
  const rules = [{ from: `${OLD}/`, to: `${NEW}/` }]
  const scenario = {
    begin: async (namespace: string) => {
      await fixture.policy(namespace, {
        actions: [{ type: 'RewriteImage', timeout: '5s', rewriteImage: { rules } }],
        onIneffective: 'Undo',
        limits: { maxAttempts: 1 },
      })
      await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
    },
    ended: async (namespace: string) => {
      const record = await fixture.record(namespace, { phase: 'Ineffective' }, { timeoutMs: 0 })
      const begun = record.status?.steps?.filter(({ state }) => state !== 'Planned')
      expect(begun?.map(({ state }) => state)).toEqual(['Ineffective', 'Undone'])
      return record
    },
    check: (namespace: string, record: Awaited<ReturnType<typeof fixture.record>>) =>
      eventually(async () => {
        expect(record.status?.attempts).toHaveLength(1)
        const { spec, metadata } = await fixture.workload('Deployment', namespace)
        expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${OLD}/crashing:1`)
        expect(metadata.annotations?.['podmend.io/original-image']).toBeUndefined()
        expect(fixture.writes(namespace).map(({ verb }) => verb)).toEqual(['patch', 'patch'])
      }),
  }
  // The writes before these are those of every repair.
  const places = await crashAtEveryWrite(fixture, 'after', scenario, { from: 8 })
  expect(places.length).toBeGreaterThan(0)
}, 400_000)

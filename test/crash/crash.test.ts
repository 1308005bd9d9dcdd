import { expect, test } from 'vitest'
import { type Fixture, NEW, OLD, useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'
import { crashAtEveryWrite, type CrashScenario } from './driver.ts'

const fixtures = { before: useFixture({ runs: false }), after: useFixture({ runs: false }) }

const incidentA = (fixture: Fixture): CrashScenario => ({
  begin: async (namespace) => {
    await fixture.policy(namespace)
    await fixture.apply(deployment(namespace))
  },
  ended: (namespace) => fixture.record(namespace, { phase: 'Succeeded' }, { timeoutMs: 0 }),
  check: async (namespace, { status }) => {
    expect(status?.attempts).toHaveLength(1)
    expect(status?.steps?.map(({ state }) => state)).toEqual(['Succeeded'])
    const { spec, metadata } = await fixture.workload('Deployment', namespace)
    expect(spec?.template?.spec?.containers?.map(({ image }) => image)).toEqual([`${NEW}/web:1`])
    expect(metadata.annotations?.['podmend.io/original-image']).toBe(JSON.stringify({ web: `${OLD}/web:1` }))
    expect(fixture.writes(namespace).map(({ verb, object }) => `${verb} ${object}`)).toEqual([`patch ${namespace}/web`])
  },
})

/** The one write that matters most; its rehearsal has another query. */
const PATCH = /PATCH .*deployments\/web\?fieldManager/

for (const when of ['before', 'after'] as const) {
  test.concurrent(`killed ${when} any of its writes and started again, it repairs incident A and does nothing twice`, async () => {
    const places = await crashAtEveryWrite(fixtures[when], when, incidentA(fixtures[when]), { surely: [PATCH] })
    // The record, its intent, the dry run, the patch, the outcome, the proof, and Events beside them.
    expect(places.length).toBeGreaterThanOrEqual(8)
    expect(places.some((place) => PATCH.test(place))).toBe(true)
  }, 400_000)
}

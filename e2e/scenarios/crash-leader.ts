/** The leader dies in the middle of a remediation; the other replica finishes it. */
import assert from 'node:assert/strict'
import type { Remediation } from '../../src/api/kinds.ts'
import { allReady, killOperator, leaderPod, wroteOnce } from '../disturb.ts'
import { deployment, statefulSet } from '../objects.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const LABELS = 'app=web'

interface Moment {
  readonly name: string
  readonly title: string
  readonly failingFor?: string
  readonly core?: true
  readonly when: (record: Remediation) => boolean
}

const MOMENTS: readonly Moment[] = [
  {
    name: 'seen',
    title: 'killed while it waits for a failure to last long enough',
    failingFor: '8s',
    when: ({ status }) => status?.reason === 'NotFailingLongEnough',
  },
  {
    name: 'acting',
    title: 'killed as soon as its intent is recorded',
    core: true,
    when: ({ status }) => status?.steps?.some(({ state }) => state !== 'Planned') === true,
  },
  {
    name: 'proving',
    title: 'killed during verification',
    when: ({ status }) => status?.phase === 'Verifying',
  },
]

const killedWhen = ({ name, title, failingFor = '0s', core, when }: Moment): Scenario => ({
  name: `crash-leader-${name}`,
  title: `the leader is ${title}: the other replica finishes, and nothing is done twice`,
  ...(core && { core }),
  alone: true,
  run: async (fixture) => {
    const { namespace, apply, records, running, record, note } = fixture
    await allReady(fixture)
    const leader = await leaderPod(fixture)
    await fixture.policy({ match: { causes: ['ProjectNotFound'], namespaces: [namespace], failingFor } })
    // In order, one pod after the other: long enough to be met in the middle.
    await apply(statefulSet(namespace, { replicas: 2 }))
    const phase = await fixture.eventually(
      async () => {
        const met = (await records()).find(when)
        if (!met) throw new Error('its moment has not come')
        return met.status?.phase
      },
      { everyMs: 20 },
    )
    await killOperator(fixture, leader)
    const killed = Date.now()
    note(`killed in phase ${phase}`)
    await running(2, LABELS)
    const done = await record({ phase: 'Succeeded' })
    note(`finished ${((Date.now() - killed) / 1000).toFixed(1)} s later`)
    assert.equal(done.status?.attempts?.length, 1)
    wroteOnce(fixture, ['patch statefulsets.apps web', 'delete pods web-0'])
    await allReady(fixture)
  },
})

const both: Scenario = {
  name: 'crash-both',
  title: 'both replicas are killed while a workload breaks; they catch up after their restart',
  alone: true,
  run: async (fixture: Fixture) => {
    const { namespace, apply, policy, running, record, note, operator } = fixture
    await allReady(fixture)
    await policy()
    await apply(deployment(namespace))
    for (const pod of await operator.pods()) await killOperator(fixture, pod)
    const killed = Date.now()
    await running(1, LABELS)
    note(`Running ${((Date.now() - killed) / 1000).toFixed(1)} s after both were killed`)
    const done = await record({ phase: 'Succeeded' })
    assert.equal(done.status?.attempts?.length, 1)
    wroteOnce(fixture, ['patch deployments.apps web'])
    await allReady(fixture)
  },
}

export const scenarios: readonly Scenario[] = [...MOMENTS.map(killedWhen), both]

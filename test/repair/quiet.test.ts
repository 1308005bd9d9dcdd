/** Cost grows with news: what is held or finished costs no requests while only the pods' statuses alternate. */
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { requestsIn } from '../../testbed/audit.ts'
import { CONTROLLER_USER } from '../../testbed/controller.ts'
import { eventually } from '../../testbed/fixture.ts'
import { PATIENTLY, useFixture, type Wanted } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture()

/** Requests of the controller while the fake kubelet writes about one status a second for each failing container. */
const requestsWithin = async (ms: number): Promise<Readonly<Record<string, number>>> => {
  const size = readFileSync(fixture.cluster.plane.auditLog).length
  await setTimeout(ms)
  return requestsIn(readFileSync(fixture.cluster.plane.auditLog).subarray(size).toString('utf8'), CONTROLLER_USER)
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

const statusesWithin = async (namespace: string, ms: number): Promise<number> => {
  const seen = new Set<string>()
  for (const until = Date.now() + ms; Date.now() < until; await setTimeout(100))
    for (const { metadata } of await fixture.pods(namespace)) seen.add(metadata.resourceVersion)
  return seen.size
}

test.each<[string, object, Wanted]>([
  ['a policy that observes', { mode: 'Observe' }, { phase: 'Observed', reason: 'ObserveOnly' }],
  ['a suspended policy', { suspend: true }, { phase: 'Held', reason: 'PolicySuspended' }],
  [
    'an image that the registry does not have',
    {
      actions: [
        { type: 'RewriteImage', rewriteImage: { rules: [{ from: 'harbor.od.com/k8s/', to: 'harbor.od.com/no/' }] } },
      ],
    },
    { phase: 'Held', reason: 'TargetUnverified' },
  ],
])('a hold by %s costs no requests, however often its pods change', async (_, spec, wanted) => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, spec)
  await fixture.apply(deployment(namespace, { replicas: 3 }))
  await fixture.record(namespace, wanted)
  // All three pods are known, and reported on the record.
  await setTimeout(5_000)

  const [counts, statuses] = await Promise.all([requestsWithin(12_000), statusesWithin(namespace, 12_000)])

  expect(statuses, 'statuses of pods').toBeGreaterThan(15)
  // Facts are read again from time to time: owner, namespace and node.
  expect(sum(counts), JSON.stringify(counts)).toBeLessThanOrEqual(9)
})

test('records of a remedy that did not help cost no requests while the pods still fail', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ from: 'harbor.od.com/k8s/', to: 'harbor.od.com/no/' }]
  await fixture.policy(namespace, {
    actions: [{ type: 'RewriteImage', timeout: '5s', rewriteImage: { rules, verify: 'Never' } }],
    limits: { maxAttempts: 1 },
  })
  await fixture.apply(deployment(namespace))
  await eventually(async () => {
    const phases = (await fixture.records(namespace)).map(({ status }) => String(status?.phase))
    expect(phases.toSorted()).toEqual(['Held', 'Ineffective'])
  }, PATIENTLY)
  await setTimeout(5_000)

  const [counts, statuses] = await Promise.all([requestsWithin(12_000), statusesWithin(namespace, 12_000)])

  expect(statuses, 'statuses of pods').toBeGreaterThan(5)
  expect(Object.keys(counts).filter((what) => what.startsWith('create'))).toEqual([])
  expect(sum(counts), JSON.stringify(counts)).toBeLessThanOrEqual(6)
})

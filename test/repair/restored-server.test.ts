/** etcd is restored from a backup: versions go back, and what the controller knew may be gone. */
import { expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { openApi } from '../../testbed/kubelet/api.ts'
import { PATIENTLY, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture()

test('failures after a restore are repaired, by what the restored policies say', async () => {
  const namespace = await fixture.cluster.namespace()
  // The watches are established, and each has a version.
  await fixture.policy(namespace, { mode: 'Observe' })
  const { metadata: first } = await fixture.cluster.get<{ metadata: { generation: number } }>('rempol', namespace)
  const restore = await fixture.cluster.plane.backUp()
  // Lost later: the policy is suspended, another one exists, and hundreds of versions pass.
  await fixture.cluster.kubectl(['patch', 'rempol', namespace, '--type=merge', '-p', '{"spec":{"suspend":true}}'])
  const lost = await fixture.cluster.namespace()
  await fixture.policy(lost, {
    priority: 1,
    suspend: true,
    match: { causes: ['ProjectNotFound'], namespaces: [namespace], failingFor: '0s' },
  })
  const api = openApi(fixture.cluster.plane.kubeconfig)
  for (let i = 0; i < 40; i += 1) {
    const names = Array.from({ length: 25 }, (_, n) => `c${i}-${n}`)
    const path = `/api/v1/namespaces/${lost}/configmaps`
    await Promise.all(names.map((name) => api.call('POST', path, { metadata: { name } })))
  }
  api.close()

  await restore()
  const restoredAt = Date.now()
  // The same generation as the lost one, with other content.
  await eventually(
    () => fixture.cluster.kubectl(['patch', 'rempol', namespace, '--type=merge', '-p', '{"spec":{"mode":"Enforce"}}']),
    PATIENTLY,
  )
  const { metadata: now } = await fixture.cluster.get<{ metadata: { generation: number } }>('rempol', namespace)
  expect(now.generation).toBe(first.generation + 1)
  await fixture.apply(deployment(namespace))

  await fixture.record(namespace, { phase: 'Succeeded' }, { timeoutMs: 110_000, everyMs: 500 })
  expect(Date.now() - restoredAt).toBeLessThan(120_000)
  expect(
    fixture.controller.logs.filter(({ err }) => JSON.stringify(err)?.includes('earlier state')).length,
  ).toBeGreaterThan(0)
  const ready = await fetch(`http://127.0.0.1:${fixture.controller.port}/readyz`)
  expect(ready.status).toBe(200)
}, 300_000)

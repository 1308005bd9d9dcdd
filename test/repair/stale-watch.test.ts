import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startProxy } from '../../testbed/api-proxy.ts'
import { NEW, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture({ runs: false })

test('a success stays one while the watch of pods still shows the pod of before', async () => {
  const proxy = await startProxy(fixture.kubeconfig)
  try {
    const controller = await fixture.start({ kubeconfig: proxy.kubeconfig })
    const namespace = await fixture.cluster.namespace()
    await fixture.policy(namespace)
    const thaw = proxy.freeze(/\/api\/v1\/pods\?.*watch=/, /^PATCH .*\/deployments\//)
    await fixture.apply(deployment(namespace))
    const done = await fixture.record(namespace, { phase: 'Succeeded' })
    await setTimeout(3_000)
    expect(thaw(), 'watches that were silent').toBeGreaterThan(0)
    // What came meanwhile is heard of now.
    await setTimeout(2_000)

    const after = await fixture.record(namespace)
    expect(after.status).toEqual(done.status)
    expect(after.metadata.resourceVersion).toBe(done.metadata.resourceVersion)
    const { containers } = (await fixture.workload('Deployment', namespace)).spec?.template?.spec ?? {}
    expect(containers?.[0]?.image).toBe(`${NEW}/web:1`)
    expect(fixture.writes(namespace)).toHaveLength(1)
    const counted = (await controller.metrics())
      .split('\n')
      .filter((line) => line.startsWith('podmend_remediations_total{') && line.includes(`"${namespace}"`))
    expect(counted.map((line) => line.replace(/.*result="(\w+)".* /, '$1 '))).toEqual(['Succeeded 1'])
  } finally {
    await proxy.close()
  }
})

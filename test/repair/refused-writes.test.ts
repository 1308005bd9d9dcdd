/** Answers of the API server that pass: the proxy gives them, and the server never sees those writes. */
import { expect, test } from 'vitest'
import { startProxy } from '../../testbed/api-proxy.ts'
import { eventually } from '../../testbed/fixture.ts'
import { NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture({ runs: false })

/** The patch itself: a dry run has another query. */
const PATCH = /^PATCH .*\/deployments\/web\?fieldManager/

test('an undo that meets conflicts happens, and the record does not end before', async () => {
  const proxy = await startProxy(fixture.kubeconfig)
  const controller = await fixture.start({ kubeconfig: proxy.kubeconfig })
  try {
    const namespace = await fixture.cluster.namespace()
    const rewriteImage = { rules: [{ from: `${OLD}/`, to: `${NEW}/` }] }
    await fixture.policy(namespace, {
      actions: [{ type: 'RewriteImage', timeout: '5s', rewriteImage }],
      onIneffective: 'Undo',
    })
    await fixture.apply(deployment(namespace, { image: `${OLD}/crashing:1` }))
    await fixture.record(namespace, { phase: 'Verifying' })
    // More than are tried for one intent.
    proxy.refuse({ matching: PATCH, times: 8, status: 409, reason: 'Conflict' })
    await eventually(async () => {
      const [record] = await fixture.records(namespace)
      expect(record?.status?.steps?.slice(0, 2)).toMatchObject([
        { kind: 'Act', state: 'Ineffective' },
        { kind: 'Undo', state: 'Undone' },
      ])
    }, PATIENTLY)
    const { spec } = await fixture.workload('Deployment', namespace)
    expect(spec?.template?.spec?.containers?.[0]?.image).toBe(`${OLD}/crashing:1`)
    expect(fixture.writes(namespace).map(({ verb }) => verb)).toEqual(['patch', 'patch'])
  } finally {
    await controller.kill('SIGKILL')
    await proxy.close()
  }
})

test('a write that is forbidden for seconds is tried again, in the same attempt', async () => {
  const proxy = await startProxy(fixture.kubeconfig)
  const controller = await fixture.start({ kubeconfig: proxy.kubeconfig })
  try {
    const namespace = await fixture.cluster.namespace()
    proxy.refuse({ matching: /^PATCH .*\/deployments\/web\?/, times: 3, status: 403, reason: 'Forbidden' })
    await fixture.policy(namespace)
    await fixture.apply(deployment(namespace))
    const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
    expect(status?.attempts).toHaveLength(1)
    expect(status?.steps?.map(({ state }) => state)).toEqual(['Succeeded'])
    expect(fixture.writes(namespace).map(({ verb }) => verb)).toEqual(['patch'])
  } finally {
    await controller.kill('SIGKILL')
    await proxy.close()
  }
})

import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { HOST, NEW, OLD, useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'
import { ACCOUNT, CHART, controllerArgs, mayController, NAMESPACE, objectsIn, useHelm, valuesFlags } from './fixture.ts'

const helm = useHelm()
/** Only what observing needs is bound; the chart does the rest. */
const fixture = useFixture({ runs: false, actions: false })

const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({ auths: { [HOST]: { auth: Buffer.from('robot:secret').toString('base64') } } }),
    ).toString('base64'),
  },
}

const toTeam = {
  actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from: `${OLD}/`, to: `${HOST}/team/` }] } }],
}

const broken = async (namespace: string): Promise<void> => {
  await fixture.apply({ ...SECRET, metadata: { name: 'pull', namespace } })
  await fixture.apply(deployment(namespace, { podSpec: { imagePullSecrets: [{ name: 'pull' }] } }))
}

/** How often the controller asked for objects of a kind. */
const asked = (resource: string): number =>
  readFileSync(fixture.cluster.plane.auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"${ACCOUNT}"`) && line.includes(`"resource":"${resource}"`)).length

beforeAll(async () => {
  await fixture.registry.pushImage('team/web', '1')
  const values = valuesFlags({ actions: { rewriteImage: { enabled: true } } })
  const manifest = await helm('template', 'podmend', CHART, '-n', NAMESPACE, ...values)
  const rights = objectsIn(manifest).filter(({ apiVersion }) => apiVersion.startsWith('rbac.'))
  await fixture.apply({ apiVersion: 'v1', kind: 'List', items: rights })
  await eventually(async () => {
    const may = await mayController(fixture.cluster, { verb: 'patch', group: 'apps', resource: 'deployments' })
    if (!may) throw new Error('the right to rewrite is not there yet')
  })
  await fixture.start({ args: controllerArgs(objectsIn(manifest)) })
})

test('without that right a private registry is asked anonymously: the repair is held, and the record says why', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, toTeam)
  await broken(namespace)
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' })
  const told = status?.evidence?.filter(({ fact }) => fact === 'PullSecrets').map(({ message }) => message)
  expect(told).toEqual([expect.stringMatching(/pull secrets are not read .*asked anonymously/)])
  expect(asked('remediations')).toBeGreaterThan(0)
  expect(asked('secrets')).toBe(0)
})

test('without that right, public images are still repaired', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await broken(namespace)
  await fixture.record(namespace, { phase: 'Succeeded' })
  const workload = await fixture.workload('Deployment', namespace)
  expect(workload.spec?.template?.spec?.containers?.[0]?.image).toBe(`${NEW}/web:1`)
  expect(asked('remediations')).toBeGreaterThan(0)
  expect(asked('secrets')).toBe(0)
})

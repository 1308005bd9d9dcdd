/** Forged Remediations where no admission policy refuses them: the controller itself believes none about an object elsewhere. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Remediation } from '../../src/api/kinds.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { HOST, NEW, OLD, useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'
import { createTenant, forgedRecord, recordPath, type Tenant } from './fixture.ts'

const fixture = useFixture()
const MERGE = 'application/merge-patch+json'
const EVIL = `${HOST}/public/side:1`
let tenant: Tenant

beforeAll(async () => {
  tenant = await createTenant(fixture.cluster, 'tess')
}, 180_000)
afterAll(() => tenant?.api.close())

/** A Deployment of another team that cannot pull its image, and a forged record with its uid in the tenant's namespace. */
const forgeAbout = async (name: string, status: (uid: string) => object | undefined) => {
  const namespace = await fixture.cluster.namespace('victim')
  await fixture.apply(deployment(namespace))
  const { metadata } = await fixture.workload('Deployment', namespace)
  const target = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: tenant.namespace,
    name: 'web',
    uid: metadata.uid,
  }
  const body = forgedRecord(tenant.namespace, name, { target })
  await tenant.api.call('POST', pathOf({ kind: 'Remediation', namespace: tenant.namespace }), body)
  const forged = status(metadata.uid)
  if (forged) await tenant.api.call('PATCH', recordPath(tenant.namespace, name, 'status'), { status: forged }, MERGE)
  return namespace
}

const imageIn = async (namespace: string): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace)).spec?.template?.spec?.containers?.[0]?.image

test.concurrent('an intent on a record about another namespace’s workload is not carried out', async () => {
  const at = new Date().toISOString()
  const changes = [{ container: 'web', init: false, from: `${OLD}/web:1`, to: EVIL }]
  const step = {
    index: 0,
    attempt: 1,
    action: 'RewriteImage',
    state: 'Intended',
    planHash: 'abcdef01',
    changes,
    intendedAt: at,
  }
  const namespace = await forgeAbout('intent', () => ({ phase: 'Running', attempts: [at], steps: [step] }))
  await fixture.policy(namespace)
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(await imageIn(namespace)).toBe(`${NEW}/web:1`)
  expect(JSON.stringify(fixture.writes(namespace))).not.toContain('side:1')
})

test.concurrent('attempts on a record about another namespace’s workload spend none of its attempts', async () => {
  const times = [1, 2, 3].map((minutes) => new Date(Date.now() - minutes * 60_000).toISOString())
  const namespace = await forgeAbout('attempts', () => ({
    phase: 'Ineffective',
    attempts: times,
    finishedAt: times[0],
  }))
  await fixture.policy(namespace)
  await fixture.record(namespace, { phase: 'Succeeded' })
})

test.concurrent('a plan for another namespace’s workload is not proposed on the tenant’s record', async () => {
  const namespace = await forgeAbout('proposal', () => undefined)
  await fixture.policy(namespace, { mode: 'Approve' })
  const { status } = await fixture.record(namespace, { phase: 'AwaitingApproval' })
  const forged = await tenant.api.call<Remediation>('GET', recordPath(tenant.namespace, 'proposal'))
  expect(forged.status?.planHash).toBeUndefined()
  // An approval of the plan that is proposed elsewhere cannot be put on it.
  const approval = { decision: 'Approved', planHash: status?.planHash, by: 'tess' }
  const path = recordPath(tenant.namespace, 'proposal')
  await expect(tenant.api.call('PATCH', path, { spec: { approval } }, MERGE)).rejects.toThrow(/spec\.approval/)
  expect(await imageIn(namespace)).toBe(`${OLD}/web:1`)
  expect(fixture.writes(namespace)).toEqual([])
})

test.concurrent('a record about a node in the tenant’s namespace is left alone', async () => {
  const target = { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'any' }
  const body = forgedRecord(tenant.namespace, 'node', { target, cause: 'RuntimeUnresponsive' })
  await tenant.api.call('POST', pathOf({ kind: 'Remediation', namespace: tenant.namespace }), body)
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  await fixture.record(namespace, { phase: 'Succeeded' })
  const forged = await tenant.api.call<Remediation>('GET', recordPath(tenant.namespace, 'node'))
  expect(forged.status).toBeUndefined()
})

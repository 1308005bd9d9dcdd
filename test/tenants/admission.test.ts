/** What a tenant who may write Remediations cannot do with them, enforced by the API server: no controller runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Remediation } from '../../src/api/kinds.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { CONTROLLER_USER } from '../../testbed/controller.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { type Api, openApi } from '../../testbed/kubelet/api.ts'
import { withCrds } from '../api/manifests.ts'
import { PLAN, propose } from '../approval/fixture.ts'
import { runMend } from '../cli/run-mend.ts'
import { createTenant, forgedRecord, installAdmission, recordPath, type Tenant } from './fixture.ts'

const cluster = useControlPlane()
let tenant: Tenant
let controller: Api
const MERGE = 'application/merge-patch+json'
/** The garbage collector, which ends a deletion in the foreground, looks for new kinds every 30 s. */
const GARBAGE_COLLECTED = { timeoutMs: 80_000 }

beforeAll(async () => {
  await withCrds(cluster)
  await installAdmission(cluster)
  tenant = await createTenant(cluster, 'tess')
  controller = openApi(await cluster.plane.userKubeconfig(CONTROLLER_USER, ['system:masters']))
}, 180_000)

afterAll(() => {
  tenant?.api.close()
  controller?.close()
})

/** A record of the controller, with a plan that waits for approval. */
const proposed = async (name: string): Promise<void> => {
  const { namespace } = tenant
  await controller.call('POST', pathOf({ kind: 'Remediation', namespace }), forgedRecord(namespace, name))
  const status = {
    phase: 'AwaitingApproval',
    planHash: PLAN,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  }
  await controller.call('PATCH', recordPath(namespace, name, 'status'), { status }, MERGE)
}

const read = (name: string): Promise<Remediation> => controller.call('GET', recordPath(tenant.namespace, name))

describe('a tenant with every right on Remediations of one namespace', () => {
  test('creates none, whatever it says', async () => {
    const { namespace, api } = tenant
    const create = (spec?: object) =>
      api.call('POST', pathOf({ kind: 'Remediation', namespace }), forgedRecord(namespace, 'mine', spec))
    await expect(create()).rejects.toThrow('only the controller (podmend-system/podmend-controller) may create')
    const target = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }
    await expect(create({ target, cause: 'RuntimeUnresponsive' })).rejects.toThrow('found tess')
  })

  test('creates none elsewhere either, nor a task for a node', async () => {
    const { api } = tenant
    const elsewhere = api.call(
      'POST',
      pathOf({ kind: 'Remediation', namespace: 'default' }),
      forgedRecord('default', 'm'),
    )
    await expect(elsewhere).rejects.toThrow(/cannot create resource .*remediations/)
    for (const namespace of [tenant.namespace, 'podmend-system']) {
      const task = api.call('POST', pathOf({ kind: 'NodeTask', namespace }), {
        apiVersion: 'podmend.io/v1alpha1',
        kind: 'NodeTask',
        metadata: { name: 'mine', namespace },
        spec: { nodeName: 'n', nodeUid: 'u', verb: 'Inspect', deadline: new Date(Date.now() + 60_000).toISOString() },
      })
      await expect(task).rejects.toThrow(/cannot create resource .*nodetasks/)
    }
  })

  test('writes no status: no attempt, no intent, no plan to approve', async () => {
    await proposed('status')
    const { namespace, api } = tenant
    const step = { index: 0, attempt: 1, action: 'RewriteImage', state: 'Intended', planHash: PLAN }
    for (const status of [
      { attempts: [new Date().toISOString()] },
      { phase: 'Running', steps: [step] },
      { planHash: 'ffffffffffffffff' },
    ]) {
      const written = api.call('PATCH', recordPath(namespace, 'status', 'status'), { status }, MERGE)
      await expect(written).rejects.toThrow(
        'only the controller (podmend-system/podmend-controller) may write the status',
      )
    }
    expect((await read('status')).status).toMatchObject({ phase: 'AwaitingApproval', planHash: PLAN })
  })

  test.each([
    ['labels', { labels: { 'podmend.io/area': 'volume' } }],
    ['annotations', { annotations: { note: 'x' } }],
    ['ownerReferences', { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'gone', uid: 'gone' }] }],
    ['finalizers', { finalizers: ['tess.example.com/keep'] }],
  ])('changes no metadata: %s', async (field, metadata) => {
    const name = `meta-${field.toLowerCase()}`
    await proposed(name)
    const changed = tenant.api.call('PATCH', recordPath(tenant.namespace, name), { metadata }, MERGE)
    await expect(changed).rejects.toThrow('of a Remediation only spec.approval can be changed')
    expect((await read(name)).metadata).not.toHaveProperty(field)
  })

  test.each([
    ['target', { target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other', uid: 'other' } }],
    ['policy', { policy: { name: 'other', uid: 'other', generation: 1 } }],
    ['cause', { cause: 'ManifestNotFound' }],
  ])('changes no spec: %s', async (field, spec) => {
    await proposed(`spec-${field}`)
    const changed = tenant.api.call('PATCH', recordPath(tenant.namespace, `spec-${field}`), { spec }, MERGE)
    await expect(changed).rejects.toThrow(`${field} is immutable`)
  })
})

describe('what people do with Remediations', () => {
  test.each([
    ['approve', 'Approved'],
    ['deny', 'Denied'],
  ])('kubectl mend %s works', async (verb, decision) => {
    await proposed(verb)
    const args = [verb, verb, '-n', tenant.namespace, '--plan', PLAN]
    const { status, err } = await runMend(args, { environment: { KUBECONFIG: tenant.kubeconfig } })
    expect([status, err]).toEqual([0, ''])
    expect((await read(verb)).spec.approval).toMatchObject({ decision, planHash: PLAN, by: 'tess' })
  })

  test('a record can be deleted, also in the foreground, by whoever holds that right', async () => {
    for (const policy of ['Background', 'Foreground']) {
      const name = `deleted-${policy.toLowerCase()}`
      await proposed(name)
      await tenant.api.call('DELETE', recordPath(tenant.namespace, name), { propagationPolicy: policy })
      await eventually(async () => {
        if (
          await read(name).then(
            () => true,
            () => false,
          )
        )
          throw new Error(`${name} is still there`)
      }, GARBAGE_COLLECTED)
    }
  })

  test('an administrator writes no record either, unless as the controller', async () => {
    await expect(cluster.applyYaml(JSON.stringify(forgedRecord('default', 'admin')))).rejects.toThrow('may create')
    await proposed('admin')
    await expect(propose(cluster, tenant.namespace, 'admin')).rejects.toThrow('may write the status')
  })

  test('a namespace with records goes away', async () => {
    const namespace = await cluster.namespace()
    await controller.call('POST', pathOf({ kind: 'Remediation', namespace }), forgedRecord(namespace, 'left'))
    await cluster.kubectl(['delete', 'namespace', namespace, '--timeout=60s'])
  })
})

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { API_VERSION } from '../../src/model/names.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { withCrds } from '../api/manifests.ts'
import { restrictedUser } from '../cli/fixture.ts'
import { approve, installApprovalPolicy, MAY, PLAN, propose, readRecord } from './fixture.ts'

const cluster = useControlPlane()
let namespace: string
const kubeconfigs: Record<string, string> = {}
const CONTROLLER = 'system:serviceaccount:podmend-system:podmend-controller'

beforeAll(async () => {
  await withCrds(cluster)
  await installApprovalPolicy(cluster)
  namespace = await cluster.namespace()
  const people = { anna: MAY.APPROVE, ben: MAY.EDIT, [CONTROLLER]: MAY.EDIT }
  for (const [user, rules] of Object.entries(people)) {
    kubeconfigs[user] = await restrictedUser(cluster, namespace, user, rules)
    await eventually(() =>
      cluster.kubectl(['auth', 'can-i', 'patch', 'rem', '-n', namespace], { kubeconfig: kubeconfigs[user] ?? '' }),
    )
  }
})

const record = (name: string, more: object = {}) => ({
  apiVersion: API_VERSION,
  kind: 'Remediation',
  metadata: { name, namespace },
  spec: {
    policy: { name: 'moved', uid: 'p-1', generation: 1 },
    cause: 'ProjectNotFound',
    target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u-1' },
    templateHash: 'abc',
    ...more,
  },
})

/** A record that proposes a plan; made anew for each test. */
const proposed = async (name: string): Promise<void> => {
  await cluster.applyYaml(JSON.stringify(record(name)))
  await propose(cluster, namespace, name)
}

const of = (by: string, more: object = {}) => ({ decision: 'Approved', planHash: PLAN, by, ...more })
const approvedBy = (user: string, name: string, approval: object | null, args: readonly string[] = []) =>
  approve(cluster, namespace, name, approval, args, kubeconfigs[user])

describe('who holds the verb approve', () => {
  it('approves and denies in their own name', async () => {
    for (const decision of ['Approved', 'Denied']) {
      const name = `own-${decision.toLowerCase()}`
      await proposed(name)
      await approvedBy('anna', name, of('anna', { decision, reason: 'because' }))
      expect((await readRecord(cluster, namespace, name)).spec.approval).toEqual(
        of('anna', { decision, reason: 'because' }),
      )
    }
  })

  it('does not approve in another user’s name', async () => {
    await proposed('borrowed')
    await expect(approvedBy('anna', 'borrowed', of('ben'))).rejects.toThrow(
      /denied request: spec\.approval\.by: found ben, expected anna/,
    )
    expect((await readRecord(cluster, namespace, 'borrowed')).spec.approval).toBeUndefined()
  })

  it('approves no other plan than the one proposed', async () => {
    await proposed('other-plan')
    await expect(approvedBy('anna', 'other-plan', of('anna', { planHash: '0123456789abcdef' }))).rejects.toThrow(
      /spec\.approval\.planHash/,
    )
  })

  it('approves the plan that was proposed in between only after reading it', async () => {
    await proposed('moved-on')
    await propose(cluster, namespace, 'moved-on', { planHash: 'ffff000011112222' })
    await expect(approvedBy('anna', 'moved-on', of('anna'))).rejects.toThrow(/is not the current plan/)
    await approvedBy('anna', 'moved-on', of('anna', { planHash: 'ffff000011112222' }))
  })

  it('approves in that namespace alone', async () => {
    const elsewhere = await cluster.namespace()
    await cluster.applyYaml(JSON.stringify({ ...record('far'), metadata: { name: 'far', namespace: elsewhere } }))
    await propose(cluster, elsewhere, 'far')
    // Ben’s right to patch, and nothing else, in the other namespace.
    await restrictedUser(cluster, elsewhere, 'anna', MAY.EDIT)
    await eventually(async () => {
      const refused = approve(cluster, elsewhere, 'far', of('anna'), [], kubeconfigs['anna'])
      await expect(refused).rejects.toThrow(
        `user anna lacks the verb approve on remediations.podmend.io in namespace ${elsewhere}`,
      )
    })
  })

  it('may hold it for one Remediation by name', async () => {
    await proposed('named')
    await proposed('unnamed')
    const rule = { ...MAY.APPROVE[0], resourceNames: ['named'] }
    const kubeconfig = await restrictedUser(cluster, namespace, 'carl', [...MAY.EDIT, rule])
    await eventually(() => approve(cluster, namespace, 'named', of('carl'), [], kubeconfig))
    await expect(approve(cluster, namespace, 'unnamed', of('carl'), [], kubeconfig)).rejects.toThrow(
      /carl lacks the verb/,
    )
  })
})

describe('who may write Remediations and does not hold the verb', () => {
  it.each(['ben', CONTROLLER])('approves nothing: %s', async (user) => {
    const name = `without-${user === 'ben' ? 'ben' : 'controller'}`
    await proposed(name)
    for (const decision of ['Approved', 'Denied']) {
      await expect(approvedBy(user, name, of(user, { decision }))).rejects.toThrow(
        /\(Forbidden\).*ClusterRole podmend-approver grants it/,
      )
    }
    expect((await readRecord(cluster, namespace, name)).spec.approval).toBeUndefined()
  })

  it('makes no record that is approved already', async () => {
    const made = cluster.applyYaml(JSON.stringify(record('made', { approval: of('ben') })), {
      kubeconfig: kubeconfigs['ben'] ?? '',
    })
    await expect(made).rejects.toThrow(/spec\.approval/)
  })

  it('brings no approval in by another way of writing', async () => {
    await proposed('ways')
    const kubeconfig = kubeconfigs['ben'] ?? ''
    const args = ['rem', 'ways', '-n', namespace]
    const json = JSON.stringify([{ op: 'add', path: '/spec/approval', value: of('ben') }])
    const whole = JSON.stringify(record('ways', { approval: of('ben') }))
    const ways = [
      () => cluster.kubectl(['patch', ...args, '--type=json', '-p', json], { kubeconfig }),
      () => cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: whole, kubeconfig }),
      () => cluster.kubectl(['replace', '-f', '-'], { input: whole, kubeconfig }),
    ]
    for (const way of ways) await expect(way()).rejects.toThrow(/lacks the verb approve/)
    // Whoever may write the status writes nothing but the status by it.
    const status = JSON.stringify({ spec: { approval: of('ben') }, status: { message: 'by the way' } })
    await cluster.kubectl(['patch', ...args, '--subresource=status', '--type=merge', '-p', status])
    const { spec, status: after } = await readRecord(cluster, namespace, 'ways')
    expect([spec.approval, after?.message]).toEqual([undefined, 'by the way'])
  })

  it('changes what is no approval as before', async () => {
    await proposed('touched')
    await approvedBy('anna', 'touched', of('anna'))
    const kubeconfig = kubeconfigs['ben'] ?? ''
    await cluster.kubectl(['label', 'rem', 'touched', '-n', namespace, 'team=web'], { kubeconfig })
    await cluster.kubectl(['annotate', 'rem', 'touched', '-n', namespace, 'note=seen'], { kubeconfig })
    await expect(approvedBy('ben', 'touched', null)).rejects.toThrow(/cannot be changed or withdrawn/)
    await expect(approvedBy('ben', 'touched', of('ben'))).rejects.toThrow(/cannot be changed or withdrawn/)
  })
})

describe('impersonation', () => {
  it('counts as the one who is impersonated, and only for those who may impersonate', async () => {
    await proposed('as')
    await expect(approvedBy('ben', 'as', of('anna'), ['--as=anna'])).rejects.toThrow(/cannot impersonate/)
    // The administrator may, and is then no more than Anna.
    await expect(approve(cluster, namespace, 'as', of('kubernetes-admin'), ['--as=anna'])).rejects.toThrow(
      /found kubernetes-admin, expected anna/,
    )
    await approve(cluster, namespace, 'as', of('anna'), ['--as=anna'])
  })
})

it('the audit log says who approved which plan', async () => {
  await proposed('audited')
  await approvedBy('anna', 'audited', of('anna'))
  await eventually(async () => {
    const lines = readFileSync(cluster.plane.auditLog, 'utf8').split('\n')
    const line = lines.find((one) => one.includes('/remediations/audited?') && one.includes('"patch"'))
    expect(line).toContain(`Approved plan ${PLAN} by anna`)
  })
})

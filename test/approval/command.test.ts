import { beforeAll, describe, expect, it } from 'vitest'
import { API_VERSION } from '../../src/model/names.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { withCrds } from '../api/manifests.ts'
import { restrictedUser } from '../cli/fixture.ts'
import { runMend } from '../cli/run-mend.ts'
import { installApprovalPolicy, MAY, PLAN, propose, readRecord } from './fixture.ts'

const cluster = useControlPlane()
let namespace: string
const kubeconfigs: Record<string, string> = {}

beforeAll(async () => {
  await withCrds(cluster)
  await installApprovalPolicy(cluster)
  namespace = await cluster.namespace()
  const looking = [{ apiGroups: ['podmend.io'], resources: ['remediations'], verbs: ['get', 'list'] }]
  for (const [user, rules] of Object.entries({ anna: MAY.APPROVE, ben: MAY.EDIT, carl: looking })) {
    kubeconfigs[user] = await restrictedUser(cluster, namespace, user, rules)
    await eventually(() =>
      cluster.kubectl(['auth', 'can-i', 'list', 'rem', '-n', namespace], { kubeconfig: kubeconfigs[user] ?? '' }),
    )
  }
})

const DIFF = '--- a/deployment/web\n+++ b/deployment/web\n@@ x (web) @@\n- image: a\n+ image: b'
const step = (planHash: string) => ({
  index: 0,
  attempt: 1,
  action: 'RewriteImage',
  state: 'Planned',
  planHash,
  diff: DIFF,
})

/** A record that proposes a plan; about a workload of that name. */
const proposed = async (name: string, status: object = {}, workload = name): Promise<void> => {
  const spec = {
    policy: { name: 'moved', uid: 'p-1', generation: 1 },
    cause: 'ProjectNotFound',
    target: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: workload, uid: 'u-1' },
    templateHash: 'abc',
  }
  const record = { apiVersion: API_VERSION, kind: 'Remediation', metadata: { name, namespace }, spec }
  await cluster.applyYaml(JSON.stringify(record))
  await propose(cluster, namespace, name, { steps: [step(PLAN)], ...status })
}

const mend = (args: readonly string[], user = 'anna', played: Parameters<typeof runMend>[1] = {}) =>
  runMend([...args, '-n', namespace], { environment: { KUBECONFIG: kubeconfigs[user] }, ...played })

const approvalOf = async (name: string) => (await readRecord(cluster, namespace, name)).spec.approval

describe('on a terminal', () => {
  it('shows the plan, asks, and approves in the name of the requester', async () => {
    await proposed('asked')
    const { status, out, err } = await mend(['approve', 'asked'], 'anna', { interactive: true, input: 'y\n' })
    expect(out).toContain('Deployment asked fails: ProjectNotFound')
    expect(out).toContain('- image: a\n+ image: b')
    expect(err).toBe('approve this plan as anna? [y/N] ')
    expect(out).toContain(`plan abcdef012345 of Remediation asked is approved by anna`)
    expect(status).toBe(0)
    expect(await approvalOf('asked')).toEqual({ decision: 'Approved', planHash: PLAN, by: 'anna' })
  })

  it.each(['n\n', '\n', '', 'yesterday\n'])('writes nothing where the answer is %j', async (input) => {
    await proposed('hesitated')
    const { status, err } = await mend(['deny', 'hesitated'], 'anna', { interactive: true, input })
    expect([status, err]).toEqual([1, expect.stringContaining('error: nothing was denied')])
    expect(await approvalOf('hesitated')).toBeUndefined()
  })

  it('reports a missing right before it asks', async () => {
    await proposed('rightless')
    const { status, err } = await mend(['approve', 'rightless'], 'ben', { interactive: true, input: 'y\n' })
    expect(err).not.toContain('[y/N]')
    expect([status, err]).toEqual([1, expect.stringContaining('ben is not allowed to approve in namespace')])
  })

  it('approves no plan that came while the person was reading', async () => {
    await proposed('swapped')
    async function* slowly() {
      await propose(cluster, namespace, 'swapped', { planHash: 'ffff000011112222', steps: [step('ffff000011112222')] })
      yield Buffer.from('y\n')
    }
    const { status, err } = await mend(['approve', 'swapped'], 'anna', { interactive: true, input: slowly() })
    expect(err).toContain('Remediation swapped proposes plan ffff00001111, not abcdef0123456789: review it again')
    expect([status, await approvalOf('swapped')]).toEqual([1, undefined])
  })

  it('is not put off by a record that moved while its plan did not', async () => {
    await proposed('moved')
    async function* slowly() {
      await propose(cluster, namespace, 'moved', { failingPods: 7, steps: [step(PLAN)] })
      yield Buffer.from('y\n')
    }
    const { status } = await mend(['approve', 'moved'], 'anna', { interactive: true, input: slowly() })
    expect([status, (await approvalOf('moved'))?.by]).toEqual([0, 'anna'])
  })
})

describe('without a terminal', () => {
  it('shows the plan and writes nothing without --plan or --yes', async () => {
    await proposed('scripted')
    const bare = await mend(['approve', 'scripted'])
    expect(bare.out).toContain('+ image: b')
    expect(bare.err).toContain('nothing was approved: add --plan abcdef012345 to approve only this plan, or --yes')
    expect([bare.status, await approvalOf('scripted')]).toEqual([2, undefined])
    const other = await mend(['approve', 'scripted', '--plan', '0123456789'])
    expect([other.status, other.err]).toEqual([
      1,
      expect.stringContaining('proposes plan abcdef012345, not 0123456789'),
    ])
    expect(await mend(['approve', 'scripted', '--plan', 'abcdef012345'])).toMatchObject({ status: 0 })
  })

  it('denies with a reason, as data', async () => {
    await proposed('data')
    const { status, out } = await mend(['deny', 'rem/data', '--yes', '--reason', 'not today', '-o', 'json'])
    expect(JSON.parse(out)).toMatchObject({
      remediation: { namespace, name: 'data' },
      target: { kind: 'Deployment', name: 'data' },
      decision: 'Denied',
      planHash: PLAN,
      by: 'anna',
      reason: 'not today',
      diff: DIFF,
    })
    expect(status).toBe(0)
    expect((await approvalOf('data'))?.reason).toBe('not today')
  })

  it('approves again when the plan has changed, without the former reason', async () => {
    await proposed('anew')
    await mend(['deny', 'anew', '--yes', '--reason', 'not today'])
    const planHash = 'ffff000011112222'
    await propose(cluster, namespace, 'anew', { planHash, steps: [step(planHash)] })
    const { status, out } = await mend(['approve', 'anew', '--yes'])
    expect([status, out]).toEqual([0, expect.stringMatching(/previously +anna denied plan abcdef012345/)])
    expect(await approvalOf('anew')).toEqual({ decision: 'Approved', planHash, by: 'anna' })
  })
})

describe('says in a sentence', () => {
  const refusal = async (args: readonly string[], user?: string): Promise<string> => {
    const { status, err } = await mend([...args, '--yes'], user)
    expect(err.trimEnd()).not.toContain('\n')
    expect(status).toBe(1)
    return err
  }

  it('which right is missing, and how it is granted', async () => {
    await proposed('rights')
    const granting = `kubectl create rolebinding NAME -n ${namespace} --clusterrole=podmend-approver --user=`
    const ben = await refusal(['approve', 'rights'], 'ben')
    expect(ben).toContain('ben is not allowed to approve in namespace')
    expect(ben).toContain('lacks the verb approve on remediations.podmend.io')
    expect(ben).toContain(`${granting}ben`)
    const carl = await refusal(['deny', 'rights'], 'carl')
    expect(carl).toContain('not allowed to patch remediations.podmend.io')
    expect(carl).toContain(`${granting}carl`)
  })

  it.each([
    [
      'done',
      { phase: 'Succeeded', reason: 'Repaired', expiresAt: null },
      'does not await approval: it is Succeeded (Repaired)',
    ],
    [
      'gone',
      { phase: 'Cancelled', reason: 'Expired', message: 'delete it', expiresAt: null },
      'Cancelled (Expired), delete it',
    ],
    [
      'held',
      { phase: 'Held', reason: 'BudgetSpent', message: 'too much', expiresAt: null },
      'Held (BudgetSpent), too much',
    ],
  ])('that a record waits for nobody: %s', async (name, status, says) => {
    await proposed(name, status)
    expect(await refusal(['approve', name])).toContain(says)
  })

  it('who decided already', async () => {
    await proposed('decided')
    await mend(['deny', 'decided', '--yes', '--reason', 'not today'])
    expect(await refusal(['approve', 'decided'])).toContain(
      'anna already denied plan abcdef012345 of Remediation decided (not today); it is AwaitingApproval',
    )
  })

  it('where a record is, if not here', async () => {
    expect(await refusal(['approve', 'nowhere'])).toContain(
      `Remediation nowhere does not exist in namespace ${namespace}`,
    )
    await proposed('here')
    const { err } = await runMend(['approve', 'here', '--yes', '-n', 'default'], {
      environment: { KUBECONFIG: cluster.plane.kubeconfig },
    })
    expect(err).toContain(`it exists in namespace ${namespace}: choose it with -n`)
  })
})

describe('by the name of the workload', () => {
  it('finds the record that waits, and passes over those that do not', async () => {
    await proposed('shop-1', { phase: 'Succeeded', expiresAt: null }, 'shop')
    await proposed('shop-2', {}, 'shop')
    const { status, out } = await mend(['approve', 'deploy/shop', '--yes'])
    expect([status, out]).toEqual([0, expect.stringContaining('of Remediation shop-2 is approved by anna')])
  })

  it('names them where several wait, and says where none does', async () => {
    await proposed('twin-1', {}, 'twin')
    await proposed('twin-2', {}, 'twin')
    const several = await mend(['approve', 'deployment', 'twin', '--yes'])
    expect(several.err).toContain(`2 Remediations of Deployment twin in namespace ${namespace} await approval`)
    expect(several.err).toContain('rem/twin-1, rem/twin-2')
    expect((await mend(['approve', 'sts/none', '--yes'])).err).toContain('no Remediation of StatefulSet none')
  })
})

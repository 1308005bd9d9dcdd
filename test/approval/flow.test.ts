/** Plans that wait for a person, from the failure to the end: the real controller, and people with rights of their own. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Remediation } from '../../src/api/kinds.ts'
import type { KubeEvent } from '../../src/model/kubernetes.ts'
import { eventually } from '../../testbed/fixture.ts'
import { ROOT } from '../api/manifests.ts'
import { restrictedUser } from '../cli/fixture.ts'
import { NEW, OLD, PATIENTLY, useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'
import { installApprovalPolicy, MAY } from './fixture.ts'

const fixture = useFixture()
beforeAll(() => installApprovalPolicy(fixture.cluster), 120_000)

/** The command as people run it: a process with a kubeconfig and no terminal. */
const mend = (kubeconfig: string, args: readonly string[]) =>
  new Promise<{ status: number | null; out: string; err: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig },
    })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, out, err }))
  })

/** A broken Deployment under a policy that asks, and a person who may approve in its namespace. */
const waiting = async (policy: object = {}) => {
  const namespace = await fixture.cluster.namespace()
  const user = `anna-${namespace}`
  const kubeconfig = await restrictedUser(fixture.cluster, namespace, user, MAY.APPROVE)
  await fixture.policy(namespace, { mode: 'Approve', ...policy })
  await fixture.apply(deployment(namespace))
  const record = await fixture.record(namespace, { phase: 'AwaitingApproval', reason: 'AwaitingApproval' })
  return { namespace, user, kubeconfig, record }
}

const decide = async (
  verb: 'approve' | 'deny',
  { kubeconfig, record }: Awaited<ReturnType<typeof waiting>>,
  more = ['--yes'],
) => {
  const { name, namespace = '' } = record.metadata
  const { status, out, err } = await mend(kubeconfig, [verb, name, '-n', namespace, ...more])
  expect([status, err]).toEqual([0, ''])
  return out
}

const imageOf = async (namespace: string): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace)).spec?.template?.spec?.containers?.[0]?.image

/** Reasons of our Events about the workload and about its policy. */
const eventsOn = async (kind: string, namespace: string, where = namespace): Promise<readonly string[]> => {
  const { items } = await fixture.cluster.get<{ items: KubeEvent[] }>('events', '-n', where)
  return items
    .filter(({ involvedObject, source }) => source?.component === 'podmend' && involvedObject?.kind === kind)
    .filter(({ involvedObject }) => kind !== 'RemediationPolicy' || involvedObject?.name === namespace)
    .map(({ reason, message }) => `${reason}: ${message}`)
}

test('a plan that changed after its approval is not carried out until it is approved again', async () => {
  const asked = await waiting()
  const { namespace, kubeconfig, user, record } = asked
  const pause = (value: string) =>
    fixture.cluster.kubectl(['annotate', '--overwrite', 'namespace', 'podmend-system', `podmend.io/paused${value}`])
  // Between the approval and the act there is hardly any time; a pause makes some.
  await pause('=true')
  try {
    await fixture.record(namespace, { phase: 'Held', reason: 'OperatorPaused' })
    await decide('approve', asked)
    await fixture.policy(namespace, { mode: 'Approve', priority: 1 })
  } finally {
    await pause('-')
  }
  const { spec, status } = await eventually(async () => {
    const found = await fixture.record(namespace, { phase: 'AwaitingApproval' })
    expect(found.status?.message).toContain(
      `${user} approved plan ${record.status?.planHash?.slice(0, 12)}, but the current one is plan `,
    )
    return found
  }, PATIENTLY)
  expect(status?.planHash).not.toBe(spec.approval?.planHash)
  expect(fixture.writes(namespace)).toEqual([])

  const stale = await mend(kubeconfig, [
    'approve',
    record.metadata.name,
    '-n',
    namespace,
    '--plan',
    spec.approval?.planHash ?? '',
  ])
  expect([stale.status, stale.err]).toEqual([1, expect.stringContaining('review it again')])
  await decide('approve', asked)
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(await imageOf(namespace)).toBe(`${NEW}/web:1`)
})

test.concurrent('a plan waits, is approved by a named person, and is carried out', async () => {
  const asked = await waiting()
  const { namespace, user, record } = asked
  expect(record.status?.expiresAt).toBeDefined()
  expect(record.status?.steps?.[0]?.diff).toContain(`${NEW}/web:1`)
  expect(fixture.writes(namespace)).toEqual([])
  const told = await eventually(() =>
    eventsOn('Deployment', namespace).then(
      (all) => all.find((one) => one.startsWith('AwaitingApproval')) ?? Promise.reject(new Error(all.join())),
    ),
  )
  expect(told).toContain(`kubectl mend approve ${record.metadata.name} -n ${namespace}`)

  expect(await decide('approve', asked, ['--plan', record.status?.planHash ?? '', '--reason', 'INC-7'])).toContain(
    `approved by ${user}`,
  )
  const { spec } = await fixture.record(namespace, { phase: 'Succeeded' })
  expect(spec.approval).toMatchObject({ decision: 'Approved', by: user, reason: 'INC-7' })
  expect(await imageOf(namespace)).toBe(`${NEW}/web:1`)
  expect(fixture.writes(namespace)).toHaveLength(1)
})

test.concurrent('whoever may write Remediations but not approve is refused by the API server', async () => {
  const { namespace, record } = await waiting()
  const ben = await restrictedUser(fixture.cluster, namespace, `ben-${namespace}`, MAY.EDIT)
  const { status, err } = await eventually(async () => {
    const output = await mend(ben, ['approve', record.metadata.name, '-n', namespace, '--yes'])
    if (!output.err.includes('lacks the verb approve')) throw new Error(output.err)
    return output
  })
  expect([status, err]).toEqual([1, expect.stringContaining('--clusterrole=podmend-approver')])
  expect((await fixture.record(namespace, { phase: 'AwaitingApproval' })).spec.approval).toBeUndefined()
  expect(fixture.writes(namespace)).toEqual([])
})

test.concurrent('a plan that a person denied ends there, and deleting its record asks anew', async () => {
  const asked = await waiting()
  const { namespace, user, record } = asked
  await decide('deny', asked, ['--yes', '--reason', 'not today'])
  const { status } = await fixture.record(namespace, { phase: 'Cancelled', reason: 'Denied' })
  expect(status?.message).toContain(`${user} denied plan`)
  expect(status?.message).toContain('not today')
  expect(status?.steps?.[0]).toMatchObject({ state: 'Planned', planHash: record.status?.planHash })
  const told = { Deployment: namespace, RemediationPolicy: 'default' }
  for (const [kind, where] of Object.entries(told)) {
    await eventually(async () => {
      expect(await eventsOn(kind, namespace, where)).toContainEqual(expect.stringMatching(/^Denied: .*not today/))
    })
  }
  // It stays so, whatever moves meanwhile.
  await fixture.cluster.kubectl(['annotate', 'pods', '--all', '-n', namespace, 'touched=true'])
  const again = await fixture.records(namespace)
  expect(again.map((one: Remediation) => one.status?.reason)).toEqual(['Denied'])
  expect(fixture.writes(namespace)).toEqual([])

  await fixture.cluster.kubectl(['delete', 'rem', record.metadata.name, '-n', namespace])
  const anew = await fixture.record(namespace, { phase: 'AwaitingApproval' })
  expect(anew.metadata.uid).not.toBe(record.metadata.uid)
  await decide('approve', asked)
  await fixture.record(namespace, { phase: 'Succeeded' })
})

test.concurrent('a plan on which nobody decides in time ends there, and nobody may decide afterwards', async () => {
  const asked = await waiting({ approvalTimeout: '1m' })
  const { namespace, kubeconfig, record } = asked
  const { status } = await fixture.record(namespace, { phase: 'Cancelled', reason: 'Expired' }, { timeoutMs: 100_000 })
  expect(status?.message).toContain('approval of plan')
  await eventually(async () => {
    expect(await eventsOn('Deployment', namespace)).toContainEqual(expect.stringMatching(/^Expired: /))
    expect(await eventsOn('RemediationPolicy', namespace, 'default')).toContainEqual(
      expect.stringMatching(/^Expired: /),
    )
  })
  const late = await mend(kubeconfig, ['approve', record.metadata.name, '-n', namespace, '--yes'])
  expect([late.status, late.err]).toEqual([
    1,
    expect.stringContaining('does not await approval: it is Cancelled (Expired)'),
  ])
  expect(fixture.writes(namespace)).toEqual([])
  // Another plan is another question.
  await fixture.cluster.kubectl([
    'patch',
    'rempol',
    namespace,
    '--type=merge',
    '-p',
    '{"spec":{"approvalTimeout":"2h"}}',
  ])
  const next = await fixture.record(namespace, { phase: 'AwaitingApproval' })
  expect(next.metadata.name).toBe(`${record.metadata.name}-2`)
  await decide('approve', { ...asked, record: next })
  await fixture.record(namespace, { phase: 'Succeeded' })
})

test.concurrent('a new revision that fails as well is asked about on a record of its own', async () => {
  const asked = await waiting()
  const { namespace, record, kubeconfig } = asked
  await fixture.cluster.kubectl(['set', 'image', 'deployment/web', `web=${OLD}/side:1`, '-n', namespace])
  const records = await eventually(async () => {
    const all = await fixture.records(namespace)
    const phases = all.map(({ status }) => `${status?.phase} ${status?.reason}`).toSorted()
    expect(phases).toEqual(['AwaitingApproval AwaitingApproval', 'Cancelled Superseded'])
    return all
  }, PATIENTLY)
  const next = records.find(({ metadata }) => metadata.uid !== record.metadata.uid)
  expect(next?.status?.steps?.[0]?.diff).toContain(`${NEW}/side:1`)
  const output = await mend(kubeconfig, ['approve', 'deploy/web', '-n', namespace, '--yes'])
  expect([output.status, output.err]).toEqual([0, ''])
  await eventually(async () => {
    const all = await fixture.records(namespace)
    expect(all.map(({ status }) => status?.phase ?? '').toSorted((a, b) => a.localeCompare(b))).toEqual([
      'Cancelled',
      'Succeeded',
    ])
  }, PATIENTLY)
  expect(await imageOf(namespace)).toBe(`${NEW}/side:1`)
})
